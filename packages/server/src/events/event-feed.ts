/**
 * Events as they happen, to sessions that have subscribed. Each follower has a place in the log and
 * is always sent what comes after it, read from the log itself: nothing is skipped or repeated,
 * wherever it begins and however slowly it reads.
 */
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Database } from '../adapters/database/database.js';
import type { Logger } from '../adapters/log/logger.js';
import { type Caller, mayAccess } from '../sessions/caller.js';
import type { Session } from '../sessions/session.js';
import { visibleTo } from '../transfers/owner-filter.js';
import type { EventFields } from './event-log.js';
import { type EventText, lastSeqOf, shownEvent } from './event-query.js';

/** The latest entries, which are kept in memory for those who follow closely. */
export const FEED_TAIL_MAX = 1000;
/** Entries that are looked at between two turns of the event loop for one that is behind. */
export const FEED_WINDOW = 1000;
/** How often entries of other processes, such as `jetstream users`, are looked for. */
const FOREIGN_INTERVAL_MS = 1000;

export interface EventFeedOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Follower {
  readonly session: Session;
  /** The last entry that it was sent or may not see. */
  seq: number;
  isRunning: boolean;
}

type TailEntry = EventText & { readonly parsed: EventFields };

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The rule of `visibleTo` for one entry. */
export const maySeeEvent = (caller: Caller, fields: EventFields): boolean => {
  const owner = textOrNull(fields['owner']);
  if (owner === null) return caller.token === null && caller.level !== 'user';
  const ownerToken = textOrNull(fields['ownerToken']);
  const ownerTokenSession = textOrNull(fields['ownerTokenSession']);
  return mayAccess(caller, { owner, ownerToken, ownerTokenSession });
};

const notification = (event: EventText): string =>
  `{"jsonrpc":"2.0","method":"notify","params":{"topic":"events","item":${shownEvent(event)}}}`;

/** @see the head of this file */
export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #followers = new Map<Session, Follower>();
  /** In rising order without a gap; ends with `#lastSeq`. */
  #tail: TailEntry[] = [];
  #lastSeq = 0;
  #isLooking = false;
  #lookAgain = false;
  #timer: Timer | null = null;

  constructor(options: EventFeedOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = every(this.#options.clock, FOREIGN_INTERVAL_MS, () => this.wake());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#followers.clear();
  }

  /**
   * Sends a session what it may see, from now on or from a place in the log.
   *
   * @param afterSeq Number of an entry that it knows already; null for the last one of all.
   * @returns The number after which the first entry comes.
   */
  async follow(session: Session, afterSeq: number | null): Promise<number> {
    const lastSeq = await lastSeqOf(this.#options.db);
    if (this.#followers.size === 0) {
      this.#tail = [];
      this.#lastSeq = lastSeq;
    }
    const seq = Math.min(afterSeq ?? lastSeq, lastSeq);
    this.#followers.set(session, { session, seq, isRunning: false });
    this.wake();
    return seq;
  }

  /** There may be new entries; cheap while nobody follows. */
  wake(): void {
    if (this.#followers.size === 0) return;
    this.#lookAgain = true;
    if (this.#isLooking) return;
    this.#look().catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'events could not be sent to subscribers');
    });
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#lookAgain) {
        this.#lookAgain = false;
        // Entries of one turn of the event loop are read together.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (this.#followers.size === 0) return;
        await this.#readTail();
        for (const follower of this.#followers.values()) this.#run(follower);
      }
    } finally {
      this.#isLooking = false;
    }
  }

  async #readTail(): Promise<void> {
    for (;;) {
      const rows = await this.#options.db
        .selectFrom('events')
        .select(['seq', 'timeUs', 'name', 'fields'])
        .where('seq', '>', this.#lastSeq)
        .orderBy('seq')
        .limit(FEED_TAIL_MAX)
        .execute();
      const entries = rows.map((row) => ({
        ...row,
        parsed: JSON.parse(row.fields) as EventFields,
      }));
      this.#tail = [...this.#tail, ...entries].slice(-FEED_TAIL_MAX);
      this.#lastSeq = rows.at(-1)?.seq ?? this.#lastSeq;
      if (rows.length < FEED_TAIL_MAX) return;
    }
  }

  #run(follower: Follower): void {
    if (follower.isRunning) return;
    this.#send(follower).catch((error: unknown) => {
      this.#followers.delete(follower.session);
      this.#options.logger.error({ err: error }, 'events could not be sent to a subscriber');
    });
  }

  async #send(follower: Follower): Promise<void> {
    follower.isRunning = true;
    try {
      await this.#catchUp(follower);
    } finally {
      follower.isRunning = false;
    }
  }

  /** Sends until the follower has everything that is in the tail. */
  async #catchUp(follower: Follower): Promise<void> {
    const { session } = follower;
    while (follower.seq < this.#lastSeq && this.#followers.get(session) === follower) {
      const caller = session.login?.caller ?? null;
      const next = caller === null ? null : await this.#after(follower.seq, caller);
      if (this.#followers.get(session) !== follower) return;
      if (next === null || !session.topics.has('events')) {
        this.#followers.delete(session);
        return;
      }
      // Logged in as somebody else meanwhile: what was read is not for that one.
      if (session.login?.caller !== caller) continue;
      const sent = await Promise.all(next.events.map((event) => session.deliver(event)));
      if (sent.includes(false)) this.#followers.delete(session);
      follower.seq = next.seq;
    }
  }

  /** Notifications for a caller after a place, and the place up to which that is all. */
  async #after(seq: number, caller: Caller): Promise<{ events: string[]; seq: number }> {
    const first = this.#tail[0]?.seq ?? Number.POSITIVE_INFINITY;
    if (seq + 1 >= first) {
      const from = this.#tail.slice(seq + 1 - first);
      const seen = from.filter(({ parsed }) => maySeeEvent(caller, parsed));
      return { events: seen.map(notification), seq: from.at(-1)?.seq ?? seq };
    }
    const end = Math.min(seq + FEED_WINDOW, this.#lastSeq);
    const rows = await this.#options.db
      .selectFrom('events')
      .select(['seq', 'timeUs', 'name', 'fields'])
      .where('seq', '>', seq)
      .where('seq', '<=', end)
      .where(visibleTo(caller))
      .orderBy('seq')
      .execute();
    await new Promise<void>((resolve) => setImmediate(resolve));
    return { events: rows.map(notification), seq: end };
  }
}
