/** What a transfer has cost so far, over all flows that carried it, and how fast it is now. */
import type { ChunkSent, Flow } from '@jetstream/transport';
import { DIGEST_BYTES } from '../../storage/storage.js';
import type { SendProgress } from '../data-plane.js';

/** Shortest time that a rate is measured over. */
const RATE_US = 900_000;

type LinkTotals = Flow['totals'];

const noTotals = (): LinkTotals => ({
  packetsSent: 0,
  bytesSent: 0,
  packetsReceived: 0,
  bytesReceived: 0,
});

/** The part of the progress that is measured here. */
export type SendMeasures = Pick<
  SendProgress,
  | 'bytesSent'
  | 'bytesAcked'
  | 'bytesRetransmitted'
  | 'linkBytesSent'
  | 'linkBytesReceived'
  | 'packetsSent'
  | 'packetsReceived'
  | 'sendRateKbps'
>;

/** @see the head of this file */
export class SendMeter {
  #flow: Flow | null = null;
  #bytesSent = 0;
  #bytesAcked = 0;
  #bytesAgain = 0;
  /** Link totals of flows that carried the transfer before, and of the present one when it joined. */
  #earlier = noTotals();
  #base = noTotals();
  #lastRate = { at: 0, bytes: 0, kbps: 0 };

  joined(flow: Flow): void {
    this.#flow = flow;
    this.#base = { ...flow.totals };
  }

  left(): void {
    this.#earlier = this.#linkTotals();
    this.#base = noTotals();
    this.#flow = null;
  }

  chunkAcked(sent: ChunkSent): void {
    const content = sent.wireBytes - DIGEST_BYTES;
    this.#bytesAcked += content;
    this.#bytesSent += content + sent.bytesAgain;
    this.#bytesAgain += sent.bytesAgain;
  }

  /** @param now Microseconds. */
  measures(now: number): SendMeasures {
    const totals = this.#linkTotals();
    const elapsed = now - this.#lastRate.at;
    if (elapsed >= RATE_US) {
      const bytes = Math.max(0, this.#bytesAcked - this.#lastRate.bytes);
      const kbps = this.#lastRate.at === 0 ? 0 : (bytes * 8000) / elapsed;
      this.#lastRate = { at: now, bytes: this.#bytesAcked, kbps };
    }
    return {
      bytesSent: this.#bytesSent,
      bytesAcked: this.#bytesAcked,
      bytesRetransmitted: this.#bytesAgain,
      linkBytesSent: totals.bytesSent,
      linkBytesReceived: totals.bytesReceived,
      packetsSent: totals.packetsSent,
      packetsReceived: totals.packetsReceived,
      sendRateKbps: this.#lastRate.kbps,
    };
  }

  #linkTotals(): LinkTotals {
    const { totals } = this.#flow ?? { totals: noTotals() };
    const sum = (key: keyof LinkTotals): number =>
      this.#earlier[key] + totals[key] - this.#base[key];
    return {
      packetsSent: sum('packetsSent'),
      bytesSent: sum('bytesSent'),
      packetsReceived: sum('packetsReceived'),
      bytesReceived: sum('bytesReceived'),
    };
  }
}
