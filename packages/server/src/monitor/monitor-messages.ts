/** What the server proper asks of the monitor. It is hostile input: nothing but these forms passes. */
import { fieldsOf, isText, parseLine } from './message-fields.js';

/** Both processes are started from the same files; the server refuses another monitor's. */
export const MONITOR_PROTOCOL_VERSION = '1';

/** Longest password that is asked about, in bytes. */
const PASSWORD_BYTES_MAX = 1024;
const USER_CHARACTERS_MAX = 64;
const HOST = /^[0-9A-Za-z.:%_-]{0,100}$/;

/** A question about a password. */
export interface PasswordRequest {
  readonly id: number;
  readonly user: string;
  readonly password: string;
  readonly host: string;
}

/** A question about a password, or null for anything else. */
export const parsePasswordRequest = (line: string): PasswordRequest | null => {
  const fields = fieldsOf(parseLine(line), ['id', 'user', 'password', 'host']);
  if (fields === null) return null;
  const { id, user, password, host } = fields;
  if (!Number.isSafeInteger(id) || !isText(user) || !isText(password) || !isText(host)) return null;
  const isShort =
    user.length <= USER_CHARACTERS_MAX && Buffer.byteLength(password) <= PASSWORD_BYTES_MAX;
  return isShort && HOST.test(host) ? { id: id as number, user, password, host } : null;
};

/** A question about an account without its password: may it be used now? */
export interface AccountRequest {
  readonly id: number;
  readonly account: string;
}

/** A question about an account, or null for anything else. */
export const parseAccountRequest = (line: string): AccountRequest | null => {
  const fields = fieldsOf(parseLine(line), ['id', 'account']);
  if (fields === null) return null;
  const { id, account } = fields;
  if (!Number.isSafeInteger(id) || !isText(account)) return null;
  return account.length <= USER_CHARACTERS_MAX ? { id: id as number, account } : null;
};

/** The account whose agent a message asks for, or null for anything else. */
export const parseAgentRequest = (message: unknown): string | null => {
  const agentOf = fieldsOf(message, ['agentOf'])?.['agentOf'];
  return isText(agentOf) && agentOf.length <= USER_CHARACTERS_MAX ? agentOf : null;
};
