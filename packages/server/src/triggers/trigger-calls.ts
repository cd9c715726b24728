/**
 * Which executables an event calls, by name and with which arguments. Derived from the table of
 * events, so that none is missed; docs/TRIGGERS.md is made from here.
 */
import type { EventFields, StoredEvent } from '../events/event-log.js';
import { EVENTS, type EventName } from '../events/event-names.js';
import { ARGUMENT_CHARACTERS_MAX } from './trigger-limits.js';

/** A program that is to be run for an event. */
export interface TriggerCall {
  readonly name: string;
  readonly args: readonly string[];
  /** User whose object it is about; null when nobody owns it. */
  readonly owner: string | null;
  /** Place of the event in the log; null for `launch`. */
  readonly eventSeq: number | null;
}

/** What tells of triggers and webhooks themselves calls none, or there would be no end. */
const SILENT_GROUPS = new Set(['Triggers', 'Webhooks']);
/** The server is not there any more when this would run. */
const SILENT_EVENTS = new Set<string>(['serverStopped']);
/** Not for programs of operators: they name the token that an object was made with. */
const HIDDEN_FIELDS = new Set(['ownerToken', 'ownerTokenSession']);

const PREFIXES: Readonly<Record<string, string>> = {
  Manifests: 'send.',
  Destinations: 'send.',
  Transfers: 'send.',
  Receiving: 'recv.',
};

/** Events whose arguments are those of the reference. */
const ENDPOINT_EVENTS = new Set<string>(['destinationCreated', 'destinationDeleted']);

/** States of a sent transfer that have a trigger of their own. */
const ENDS: Readonly<Record<string, string>> = {
  complete: 'send.transferComplete',
  error: 'send.transferFailed',
  cancelled: 'send.transferCancelled',
};

/** Name of an event's trigger: `receiveComplete` is `recv.transferComplete`. */
export const triggerNameOf = (event: EventName): string | null => {
  const { group } = EVENTS[event];
  if (SILENT_GROUPS.has(group) || SILENT_EVENTS.has(event)) return null;
  const name = group === 'Receiving' ? event.replace(/^receive(?=[A-Z])/, 'transfer') : event;
  return `${PREFIXES[group] ?? ''}${name}`;
};

/** Names of the arguments of an event's trigger, in their order. */
export const argumentNamesOf = (event: EventName): string[] => {
  if (ENDPOINT_EVENTS.has(event)) return ['destination ip:port', 'sender ip:port'];
  return Object.keys(EVENTS[event].fields).filter((name) => !HIDDEN_FIELDS.has(name));
};

const argumentOf = (value: EventFields[string] | undefined): string => {
  const text =
    value === null || value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
  return text.replaceAll('\0', '').slice(0, ARGUMENT_CHARACTERS_MAX);
};

/** `host:port` of a destination's id, without what tells apart several to one place. */
export const endpointOf = (destinationId: string): string => destinationId.replace(/#\d+$/, '');

/**
 * The calls for an event.
 *
 * @param senderOf Address and port that this server sends to a destination from.
 */
export const triggerCallsOf = async (
  event: StoredEvent,
  senderOf: (endpoint: string) => Promise<string>,
): Promise<TriggerCall[]> => {
  const { name, fields, seq: eventSeq } = event;
  if (!Object.hasOwn(EVENTS, name)) return [];
  const trigger = triggerNameOf(name);
  if (trigger === null) return [];
  const owner = typeof fields['owner'] === 'string' ? fields['owner'] : null;
  if (ENDPOINT_EVENTS.has(name)) {
    const endpoint = endpointOf(argumentOf(fields['destinationId']));
    return [{ name: trigger, args: [endpoint, await senderOf(endpoint)], owner, eventSeq }];
  }
  const args = argumentNamesOf(name).map((field) => argumentOf(fields[field]));
  const calls = [{ name: trigger, args, owner, eventSeq }];
  const ended = name === 'transferUpdated' ? ENDS[argumentOf(fields['status'])] : undefined;
  return ended === undefined ? calls : [...calls, { name: ended, args, owner, eventSeq }];
};
