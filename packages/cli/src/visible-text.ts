/**
 * File names come from anywhere. On a terminal, characters that move the cursor, change colours or
 * turn the direction of text are shown as escapes; in a pipe names are passed on byte by byte.
 */
import { pathBytesFromText } from '@jetstream/contract';

/** Control characters, line and paragraph separators, direction marks, byte order mark. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;
const LONE_SURROGATE = /\p{Cs}/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const escapeCharacter = (character: string): string => {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const point = character.codePointAt(0) ?? 0;
  return point <= 0xff
    ? `\\x${point.toString(16).padStart(2, '0')}`
    : `\\u${point.toString(16).padStart(4, '0')}`;
};

/** A byte that is not UTF-8 travels as U+DC00 + byte and is shown as that byte. */
const escapeSurrogate = (character: string): string => {
  const point = character.codePointAt(0) ?? 0;
  return point >= 0xdc80 && point <= 0xdcff
    ? `\\x${(point - 0xdc00).toString(16)}`
    : `\\u${point.toString(16)}`;
};

/** Text that is safe to show on a terminal. */
export const visible = (text: string): string =>
  text.replace(CONTROLS, escapeCharacter).replace(LONE_SURROGATE, escapeSurrogate);

/** A name as it is for a terminal (`visible`) or for a pipe (its bytes). */
export const nameBytes = (name: string, form: { readonly tty: boolean }): Uint8Array =>
  form.tty ? Buffer.from(visible(name)) : (pathBytesFromText(name) ?? Buffer.from(visible(name)));
