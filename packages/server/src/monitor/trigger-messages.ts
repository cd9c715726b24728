/**
 * Triggers in messages between the server proper and the monitor: which one to run for whom, and how
 * it ended. What the server says is hostile input here, and nothing but these forms passes.
 */
import type { TriggerCall } from '../triggers/trigger-calls.js';
import { ARGUMENT_CHARACTERS_MAX } from '../triggers/trigger-limits.js';
import { fieldsOf, isText, parseLine } from './message-fields.js';

/** Most arguments of a trigger. */
const ARGUMENTS_MAX = 32;
const NAME_CHARACTERS_MAX = 64;
const OWNER_CHARACTERS_MAX = 256;
const TIME_LIMIT_SECONDS_MAX = 86_400;
/** `recv.transferComplete`: nothing that could be a path. */
const TRIGGER = /^[A-Za-z]+(\.[A-Za-z]+)?$/;

/** A trigger that is to be run as an account. */
export interface TriggerRequest {
  readonly id: number;
  /** Account of the operating system. */
  readonly user: string;
  readonly call: TriggerCall;
  readonly timeLimitMs: number;
  readonly keepsOutput: boolean;
}

const isArgument = (value: unknown): boolean =>
  isText(value) && value.length <= ARGUMENT_CHARACTERS_MAX;

const isSeq = (value: unknown): value is number | null =>
  value === null || Number.isSafeInteger(value);

const callOf = (message: unknown): TriggerCall | null => {
  const fields = fieldsOf(message, ['name', 'args', 'owner', 'eventSeq']);
  if (fields === null) return null;
  const { name, args, owner, eventSeq } = fields;
  if (!isText(name) || name.length > NAME_CHARACTERS_MAX || !TRIGGER.test(name)) return null;
  if (!Array.isArray(args) || args.length > ARGUMENTS_MAX || !args.every(isArgument)) return null;
  if (!isText(owner) || owner.length > OWNER_CHARACTERS_MAX || !isSeq(eventSeq)) return null;
  return { name, args: args as string[], owner, eventSeq };
};

/** The trigger that a line asks for, or null for anything else. */
export const parseTriggerRequest = (line: string): TriggerRequest | null => {
  const names = ['id', 'user', 'call', 'timeLimitMs', 'keepsOutput'];
  const fields = fieldsOf(parseLine(line), names);
  if (fields === null) return null;
  const { id, user, timeLimitMs, keepsOutput } = fields;
  const call = callOf(fields['call']);
  if (call === null || !Number.isSafeInteger(id) || !isText(user)) return null;
  const isTime = Number.isSafeInteger(timeLimitMs) && (timeLimitMs as number) > 0;
  if (!isTime || (timeLimitMs as number) > TIME_LIMIT_SECONDS_MAX * 1000) return null;
  if (user.length > NAME_CHARACTERS_MAX || typeof keepsOutput !== 'boolean') return null;
  return { id: id as number, user, call, timeLimitMs: timeLimitMs as number, keepsOutput };
};

/** The number of the trigger that a line ends early, or null for anything else. */
export const parseTriggerStop = (line: string): number | null => {
  const id = fieldsOf(parseLine(line), ['stopTrigger'])?.['stopTrigger'];
  return Number.isSafeInteger(id) ? (id as number) : null;
};
