/**
 * The server's bandwidth limits inside a data worker. Sending is held back by a gate that all flows
 * share; receiving by telling each sender its part of the limit. A direction that is allowed to
 * borrow gets what the other one leaves unused, measured anew ten times a second: it is lent what
 * was unused throughout the last second, and handed back with the first tenth of a second in which
 * the lender needs it.
 */
import type { SendGate } from '@jetstream/transport';
import type { BandwidthLimits } from '../data-plane.js';
import { IncomingShares, type IncomingUse } from './incoming-shares.js';

/** How often shares are worked out anew. */
export const BANDWIDTH_TURN_MS = 100;
/** Turns in which the lender must have left something unused. */
const LENDER_TURNS = 10;
/** Most missed time of receiving that is made up for, and how much faster that goes at most. */
const OWED_US_MAX = 100_000;
const CATCH_UP = 0.02;
const KBPS_PER_BYTE_US = 8000;

const NONE: BandwidthLimits = {
  incomingKbps: null,
  outgoingKbps: null,
  incomingConnectionsMax: null,
  borrowIncoming: false,
  borrowOutgoing: false,
};

/** Link totals so far, both ways. */
export interface Traffic {
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** The highest rate of the last turns, kbit/s. */
class RecentPeak {
  readonly #rates: number[] = [];

  note(kbps: number): void {
    this.#rates.push(kbps);
    if (this.#rates.length > LENDER_TURNS) this.#rates.shift();
  }

  /** What a limit has left over; nothing when there is no limit to lend from. */
  spareOf(limit: number | null): number {
    if (limit === null || this.#rates.length === 0) return 0;
    return Math.max(0, limit - Math.max(...this.#rates));
  }
}

const bytesPerUs = (kbps: number | null, extra: number): number =>
  kbps === null ? Number.POSITIVE_INFINITY : (kbps + extra) / KBPS_PER_BYTE_US;

export class WorkerBandwidth {
  readonly #gate: SendGate;
  readonly #shares: IncomingShares;
  readonly #sent = new RecentPeak();
  readonly #received = new RecentPeak();
  #limits = NONE;
  /** Bytes that senders were allowed and did not send, because something held them up. */
  #owed = 0;
  #last: (Traffic & { readonly now: number }) | null = null;

  /** @param incoming All incoming flows there are. */
  constructor(gate: SendGate, incoming: () => Iterable<IncomingUse>) {
    this.#gate = gate;
    this.#shares = new IncomingShares(incoming);
  }

  get incomingConnectionsMax(): number {
    return this.#limits.incomingConnectionsMax ?? Number.POSITIVE_INFINITY;
  }

  /** Takes effect at once. */
  setLimits(limits: BandwidthLimits): void {
    this.#limits = limits;
    this.#owed = 0;
    this.#apply();
  }

  /** What a flow may send to us, bytes per microsecond. */
  incomingShare(flow: IncomingUse): number {
    return this.#shares.of(flow);
  }

  /** Works out what each direction and flow may use. @param now Microseconds. */
  turn(traffic: Traffic, now: number): void {
    const last = this.#last;
    this.#last = { ...traffic, now };
    if (last === null || now <= last.now) return;
    const elapsed = now - last.now;
    const { bytesSent, bytesReceived } = traffic;
    this.#sent.note(((bytesSent - last.bytesSent) / elapsed) * KBPS_PER_BYTE_US);
    this.#received.note(((bytesReceived - last.bytesReceived) / elapsed) * KBPS_PER_BYTE_US);
    this.#noteOwed((bytesReceived - last.bytesReceived) / elapsed, elapsed);
    this.#apply();
    this.#shares.turn(elapsed);
  }

  /** Pauses at either end would otherwise cost a part of the limit. @param rate Bytes per us. */
  #noteOwed(rate: number, elapsed: number): void {
    const limit = this.#incomingRate();
    if (limit === Number.POSITIVE_INFINITY || !this.#shares.busy) {
      this.#owed = 0;
      return;
    }
    const owed = this.#owed + (limit - rate) * elapsed;
    this.#owed = Math.max(0, Math.min(owed, limit * OWED_US_MAX));
  }

  #incomingRate(): number {
    const { incomingKbps, outgoingKbps, borrowOutgoing } = this.#limits;
    return bytesPerUs(incomingKbps, borrowOutgoing ? this.#sent.spareOf(outgoingKbps) : 0);
  }

  #apply(): void {
    const { incomingKbps, outgoingKbps, borrowIncoming } = this.#limits;
    const incoming = this.#incomingRate();
    const owedShare = this.#owed / (incoming * OWED_US_MAX);
    const toOutgoing = borrowIncoming ? this.#received.spareOf(incomingKbps) : 0;
    this.#shares.setTotal(incoming * (1 + CATCH_UP * owedShare));
    this.#gate.setRate(bytesPerUs(outgoingKbps, toOutgoing));
  }
}
