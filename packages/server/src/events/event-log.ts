/**
 * The event log: what has happened, for operators and auditors. Entries are appended and never
 * changed; each carries the hash of the one before, so that a missing or edited entry shows. Events
 * are product data, not diagnosis: no secrets, no stack traces.
 */
import type { EventValue } from './event-fields.js';
import type { EventFieldsOf, EventName } from './event-names.js';

/** Facts of an event, by the camelCase names that the API uses for the same things. */
export type EventFields = Readonly<Record<string, EventValue>>;

/** One entry as it is read back. */
export interface StoredEvent {
  /** Rises by one, from 1. */
  readonly seq: number;
  /** Microseconds since the epoch, UTC. */
  readonly timeUs: number;
  readonly name: EventName;
  readonly fields: EventFields;
}

/** The log as the services see it. */
export interface EventLog {
  /**
   * Appends an entry with the present time; resolves when it is durable. Entries get their order
   * at the call, and come before whatever the same caller writes afterwards.
   */
  append<N extends EventName>(name: N, fields: EventFieldsOf<N>): Promise<void>;
}
