/**
 * When what was sent has gone unanswered for too long. Over datagrams that is a matter of the path;
 * over reliable streams only of a receiver that had no memory for a packet.
 */
import { streamPatienceUs } from './flow-times.js';
import type { PacketLedger } from './packet-ledger.js';
import { SilenceWatch } from './silence-watch.js';

/** What a timeout asks for. */
export type TimeoutDuty = 'ask' | 'give up and ask' | 'wait';

export class AnswerWatch {
  readonly silence: SilenceWatch;
  readonly #ledger: PacketLedger;
  readonly #streamRoom: (() => number) | undefined;
  #streamAskedAt = 0;

  /** @param streamRoom Bytes that the streams under the flow take now; absent over datagrams. */
  constructor(ledger: PacketLedger, now: number, streamRoom: (() => number) | undefined) {
    this.#ledger = ledger;
    this.#streamRoom = streamRoom;
    this.silence = new SilenceWatch(now);
  }

  /** Whether what was sent goes unanswered. */
  get silent(): boolean {
    return this.#streamRoom === undefined
      ? this.silence.timeouts > 1
      : this.#ledger.packetsInFlight > 0;
  }

  /** Least time after which a packet counts as lost; over streams they overtake each other. */
  patienceUs(rttUs: number): number {
    return this.#streamRoom === undefined ? 0 : streamPatienceUs(rttUs);
  }

  /** When the next timeout is; Infinity while nothing is in flight. */
  timeoutAt(rttUs: number): number {
    if (this.#ledger.packetsInFlight === 0) return Infinity;
    const { oldestSentAt } = this.#ledger;
    if (this.#streamRoom === undefined) return this.silence.timeoutAt({ rttUs, oldestSentAt });
    return Math.max(this.#streamAskedAt, oldestSentAt) + streamPatienceUs(rttUs);
  }

  /** A timeout has passed. */
  expire(now: number): TimeoutDuty {
    if (this.#streamRoom === undefined) {
      return this.silence.expire(now) ? 'give up and ask' : 'ask';
    }
    this.#streamAskedAt = now;
    // Full streams have only not been read yet.
    return this.#streamRoom() === 0 ? 'wait' : 'ask';
  }
}
