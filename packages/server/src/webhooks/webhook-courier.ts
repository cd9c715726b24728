/**
 * Brings events to their webhooks, each at least once. A webhook has a place in the event log that is
 * remembered together with the deliveries that it has led to, so that nothing is missed or forgotten
 * over a crash. What fails is tried again, later and later, and given up after a day.
 */
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { EventLog, StoredEvent } from '../events/event-log.js';
import { EVENTS } from '../events/event-names.js';
import { type AttemptEnd, sendWebhook } from './webhook-sender.js';
import { webhookHeaders } from './webhook-signature.js';
import type { DeliveryRow, WebhookRow, WebhookStore } from './webhook-store.js';

/** Attempts at the same time, of one webhook. */
export const ATTEMPTS_PER_WEBHOOK_MAX = 2;
/** Deliveries of one webhook that wait; the log is read on when there are fewer. */
export const DELIVERIES_PENDING_MAX = 10_000;
/** Ended deliveries of one webhook that are remembered. */
export const DELIVERIES_KEPT_MAX = 1000;
/** Seconds before the second attempt, the third …; after the last one it is given up. */
export const RETRY_SECONDS = [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200] as const;

const READ_EVENTS = 200;
const LOOK_MS = 1000;
/** Events without interest after which the place in the log is made durable. */
const CURSOR_EVENTS = 1000;
/** Ended deliveries between two removals of old ones. */
const TRIM_EVERY = 100;

export interface CourierOptions {
  readonly store: WebhookStore;
  readonly events: EventLog & {
    read(range: { readonly afterSeq: number; readonly limit: number }): Promise<StoredEvent[]>;
  };
  /** Resolves when all that was written so far is durable. */
  settled(): Promise<void>;
  readonly allowPrivate: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A webhook and what runs for it. */
interface Follower {
  row: WebhookRow;
  readonly names: ReadonlySet<string>;
  /** Deliveries that are being tried. */
  /** The place in the log that is durable; there is nothing to tell between it and the present one. */
  savedSeq: number;
  readonly running: Set<number>;
  ended: number;
}

/** Whether a webhook may tell of an event: of itself it would never end. */
export const isTold = (name: string): boolean =>
  Object.hasOwn(EVENTS, name) && EVENTS[name as keyof typeof EVENTS].group !== 'Webhooks';

/** What is sent for an event. */
const bodyOf = ({ name, seq, timeUs, fields }: StoredEvent): string =>
  JSON.stringify({
    type: name,
    timestamp: new Date(timeUs / 1000).toISOString(),
    eventSeq: seq,
    data: fields,
  });

/** @see the head of this file */
export class WebhookCourier {
  readonly #options: CourierOptions;
  readonly #followers = new Map<string, Follower>();
  readonly #ending = new AbortController();
  readonly #attempts = new Set<Promise<void>>();
  #timer: Timer | null = null;
  #looking: Promise<void> | null = null;
  #lookAgain = false;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    for (const row of await this.#options.store.all()) this.follow(row);
    this.#timer = every(this.#options.clock, LOOK_MS, () => this.wake());
    this.wake();
  }

  /** Attempts that run are broken off; they are made again by the next server. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#ending.abort();
    await this.#looking;
    await Promise.all(this.#attempts);
  }

  follow(row: WebhookRow): void {
    const names = new Set(JSON.parse(row.events) as string[]);
    this.#followers.set(row.id, {
      row,
      names,
      savedSeq: row.cursorSeq,
      running: new Set(),
      ended: 0,
    });
  }

  leave(id: string): void {
    this.#followers.delete(id);
  }

  list(): readonly WebhookRow[] {
    return [...this.#followers.values()].map(({ row }) => row);
  }

  find(id: string): WebhookRow | null {
    return this.#followers.get(id)?.row ?? null;
  }

  /** There may be new events, or deliveries that are due. */
  wake(): void {
    if (this.#ending.signal.aborted || this.#followers.size === 0) return;
    this.#lookAgain = true;
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error }, 'webhooks could not be served');
      })
      .finally(() => {
        this.#looking = null;
      });
  }

  /** Makes one attempt with a body of its own, which no log knows. */
  try(
    row: WebhookRow,
    message: { readonly id: string; readonly body: string },
  ): Promise<AttemptEnd> {
    const timestamp = Math.floor(this.#options.clock.nowUs() / 1e6);
    return sendWebhook({
      url: row.url,
      headers: webhookHeaders({ ...message, timestamp }, row.secret),
      body: message.body,
      allowPrivate: this.#options.allowPrivate,
      signal: this.#ending.signal,
    });
  }

  async #look(): Promise<void> {
    while (this.#lookAgain && !this.#ending.signal.aborted) {
      this.#lookAgain = false;
      for (const follower of this.#followers.values()) {
        await this.#read(follower);
        await this.#deliver(follower);
      }
    }
  }

  /** Turns what is new in the log into deliveries. */
  async #read(follower: Follower): Promise<void> {
    const { store, events, settled, clock } = this.#options;
    const { id, cursorSeq: afterSeq } = follower.row;
    const page = await events.read({ afterSeq, limit: READ_EVENTS });
    const last = page.at(-1);
    if (last === undefined) return;
    const wanted = page.filter(
      ({ name }) => isTold(name) && (follower.names.has('*') || follower.names.has(name)),
    );
    const isBehind = last.seq - follower.savedSeq >= CURSOR_EVENTS;
    if (wanted.length > 0) {
      if ((await store.pendingCount(id)) >= DELIVERIES_PENDING_MAX) return;
      await settled();
    }
    if (wanted.length > 0 || isBehind) {
      await store.enqueue(id, { events: wanted, cursorSeq: last.seq, nowUs: clock.nowUs() });
      follower.savedSeq = last.seq;
    }
    follower.row = { ...follower.row, cursorSeq: last.seq };
    if (page.length === READ_EVENTS) this.#lookAgain = true;
  }

  async #deliver(follower: Follower): Promise<void> {
    const { store, clock } = this.#options;
    const { running, row } = follower;
    if (running.size >= ATTEMPTS_PER_WEBHOOK_MAX) return;
    const due = await store.due(row.id, clock.nowUs(), ATTEMPTS_PER_WEBHOOK_MAX * 2);
    for (const delivery of due) {
      if (running.size >= ATTEMPTS_PER_WEBHOOK_MAX) return;
      if (running.has(delivery.id)) continue;
      running.add(delivery.id);
      const attempt = this.#attempt(follower, delivery)
        .catch((error: unknown) => {
          this.#options.logger.error({ err: error }, 'a webhook could not be served');
        })
        .finally(() => {
          running.delete(delivery.id);
          this.#attempts.delete(attempt);
          this.wake();
        });
      this.#attempts.add(attempt);
    }
  }

  async #attempt(follower: Follower, delivery: DeliveryRow): Promise<void> {
    const { store, events, clock } = this.#options;
    const { row } = follower;
    const [event] = await events.read({ afterSeq: delivery.eventSeq - 1, limit: 1 });
    if (event === undefined) return;
    const end = await this.try(row, { id: `${row.id}.${event.seq}`, body: bodyOf(event) });
    if (this.#ending.signal.aborted && end.error !== null) return;
    const attempts = delivery.attempts + 1;
    const pause = RETRY_SECONDS[delivery.attempts];
    const lastTimeUs = clock.nowUs();
    const facts = { attempts, lastTimeUs, httpStatus: end.httpStatus };
    const errorMessage = end.error ?? '';
    if (end.error !== null && pause !== undefined) {
      const nextTimeUs = lastTimeUs + pause * 1e6;
      await store.update(delivery.id, { ...facts, status: 'pending', nextTimeUs, errorMessage });
      return;
    }
    const status = end.error === null ? 'delivered' : 'failed';
    if (end.error !== null) {
      const { seq: eventSeq } = event;
      await events.append('webhookGivenUp', {
        webhookId: row.id,
        eventSeq,
        attempts,
        errorMessage,
      });
    }
    await store.update(delivery.id, { ...facts, status, nextTimeUs: null, errorMessage });
    follower.ended += 1;
    if (follower.ended % TRIM_EVERY === 0) await store.trim(row.id, DELIVERIES_KEPT_MAX);
  }
}
