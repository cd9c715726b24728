/**
 * The header that makes a browser save an answer under a name. No name can end it, or add another.
 *
 * @see RFC 6266, RFC 8187
 */
import { safeFileName } from '../content/archive-name.js';

/** Characters of RFC 8187 that need no escape. */
const PLAIN = /[A-Za-z0-9!#$&+.^_`|~-]/;

const escaped = (name: string): string =>
  [...Buffer.from(name, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return PLAIN.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

/** Value of the header for a name, which is made safe first. */
export const attachment = (name: string): string => {
  const safe = safeFileName(name);
  const fallback = safe.replace(/[^A-Za-z0-9 ._()+,=@~-]/g, '_');
  return `attachment; filename="${fallback}"; filename*=UTF-8''${escaped(safe)}`;
};
