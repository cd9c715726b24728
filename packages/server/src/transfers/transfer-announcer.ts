/** Tells subscribed sessions about transfers, not more often than anybody can read. */
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { Notifier } from '../control/notifier.js';
import type { LiveTransfer } from './live-transfer.js';

/** Least time between two notifications about one transfer, in milliseconds. */
export const ANNOUNCE_PAUSE_MS = 250;

interface Pace {
  timer: Timer | null;
  /** A change came during the pause. */
  isBehind: boolean;
}

/** The first change is told at once, the last one always. */
export class TransferAnnouncer {
  readonly #clock: Clock;
  readonly #notifier: Notifier;
  readonly #paces = new Map<string, Pace>();

  constructor(clock: Clock, notifier: Notifier) {
    this.#clock = clock;
    this.#notifier = notifier;
  }

  /** Something about the transfer is new. */
  changed(transfer: LiveTransfer): void {
    const pace = this.#paces.get(transfer.id);
    if (pace !== undefined) {
      pace.isBehind = true;
      return;
    }
    this.#publish(transfer);
  }

  /** Forgets what waits; nobody listens any more. */
  stop(): void {
    for (const pace of this.#paces.values()) pace.timer?.cancel();
    this.#paces.clear();
  }

  #publish(transfer: LiveTransfer): void {
    // Not the record itself: it may hold a token of the receiver.
    const { owner, ownerToken, ownerTokenSession } = transfer.record;
    const ownership = { owner, ownerToken, ownerTokenSession };
    this.#notifier.publish('transfers', ownership, transfer.structure());
    const pace: Pace = { timer: null, isBehind: false };
    this.#paces.set(transfer.id, pace);
    pace.timer = this.#clock.after(ANNOUNCE_PAUSE_MS, () => {
      this.#paces.delete(transfer.id);
      if (pace.isBehind) this.#publish(transfer);
    });
  }
}
