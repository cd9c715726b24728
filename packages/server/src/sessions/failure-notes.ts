/**
 * Which failed logins by token are written down. Tokens cannot be guessed, so nothing slows such logins;
 * written down without end they would let any stranger fill the event log, which keeps everything.
 */
import type { Clock } from '../adapters/clock/clock.js';
import { clientNetwork } from './client-network.js';
import { LOGIN_LIMITS } from './limits.js';

/** `last` is written, and with it that further ones are not. */
export type Note = 'written' | 'last' | 'dropped';

export class FailureNotes {
  readonly #clock: Clock;
  readonly #countByClient = new Map<string, number>();
  #total = 0;
  #startMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Decides about one failure. */
  note(address: string): Note {
    const { notedPerAddressMax, notedMax, notedWindowMs } = LOGIN_LIMITS;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#startMs > notedWindowMs) {
      this.#startMs = nowMs;
      this.#total = 0;
      this.#countByClient.clear();
    }
    const client = clientNetwork(address);
    const count = (this.#countByClient.get(client) ?? 0) + 1;
    if (count > notedPerAddressMax || this.#total >= notedMax) return 'dropped';
    this.#countByClient.set(client, count);
    this.#total += 1;
    return count === notedPerAddressMax || this.#total === notedMax ? 'last' : 'written';
  }
}
