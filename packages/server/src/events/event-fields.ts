/**
 * Kinds of fields that an event may have, as values that carry their TypeScript type: the table of
 * events is checked against every line of code that appends one.
 */
import type { Ownership } from '../sessions/caller.js';

/** What an event may say. */
export type EventValue =
  | null
  | boolean
  | number
  | string
  | readonly EventValue[]
  | { readonly [key: string]: EventValue };

declare const valueType: unique symbol;

/** One field of an event. */
export interface EventField<T extends EventValue = EventValue> {
  /** For people: `text`, `integer or null`. */
  readonly type: string;
  readonly doc: string;
  /** Never there; it only carries the type. */
  readonly [valueType]?: T;
}

const field =
  <T extends EventValue>(type: string) =>
  (doc: string): EventField<T> => ({ type, doc });

export const text = field<string>('text');
export const textOrNull = field<string | null>('text or null');
export const integer = field<number>('integer');
export const integerOrNull = field<number | null>('integer or null');
export const number = field<number>('number');
export const numberOrNull = field<number | null>('number or null');
export const flag = field<boolean>('true or false');
/** Anything that JSON can say; the text of the field tells what. */
export const json = field<EventValue>('JSON');

/** Whose object it is: who may see the event beside wranglers and superusers. */
export const OWNED = {
  owner: text('User who owns the object'),
  ownerToken: textOrNull('API token that it was made with'),
  ownerTokenSession: textOrNull('Session of that token'),
} as const;

/** Who did it, where that need not be the owner. */
export const BY = {
  by: textOrNull('User who did it; null for the server itself'),
} as const;

/** One event of the table. */
export interface EventDefinition {
  /** Group of the document. */
  readonly group: string;
  readonly summary: string;
  readonly fields: Readonly<Record<string, EventField>>;
}

/** Values of the fields of a definition. */
export type FieldValues<F extends EventDefinition['fields']> = {
  readonly [K in keyof F]: F[K] extends EventField<infer T> ? T : never;
};

/** The ownership of an object without anything else that it may hold. */
export const ownedBy = (object: Ownership): FieldValues<typeof OWNED> => ({
  owner: object.owner,
  ownerToken: object.ownerToken,
  ownerTokenSession: object.ownerTokenSession,
});
