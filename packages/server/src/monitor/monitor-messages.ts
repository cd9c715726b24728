/** What the server proper asks of the monitor. It is hostile input: nothing but these forms passes. */

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

const fieldsOf = (message: unknown, names: readonly string[]): Record<string, unknown> | null => {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return null;
  const keys = Object.keys(message);
  const fits = keys.length === names.length && names.every((name) => keys.includes(name));
  return fits ? (message as Record<string, unknown>) : null;
};

const isText = (value: unknown): value is string =>
  typeof value === 'string' && !value.includes('\0');

/** A question about a password, or null for anything else. */
export const parsePasswordRequest = (line: string): PasswordRequest | null => {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return null;
  }
  const fields = fieldsOf(message, ['id', 'user', 'password', 'host']);
  if (fields === null) return null;
  const { id, user, password, host } = fields;
  if (!Number.isSafeInteger(id) || !isText(user) || !isText(password) || !isText(host)) return null;
  const isShort =
    user.length <= USER_CHARACTERS_MAX && Buffer.byteLength(password) <= PASSWORD_BYTES_MAX;
  return isShort && HOST.test(host) ? { id: id as number, user, password, host } : null;
};

/** The account whose agent a message asks for, or null for anything else. */
export const parseAgentRequest = (message: unknown): string | null => {
  const agentOf = fieldsOf(message, ['agentOf'])?.['agentOf'];
  return isText(agentOf) && agentOf.length <= USER_CHARACTERS_MAX ? agentOf : null;
};
