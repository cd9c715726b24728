/** C4 identifiers (SMPTE ST 2114): a SHA-512 in base 58, of fixed length. */

const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const BASE = BigInt(DIGITS.length);
/** Digits that 512 bits take. */
const LENGTH = 88;

/** The identifier of content, of whose SHA-512 this is the hex. */
export const c4IdOf = (sha512: string): string => {
  let text = '';
  for (let rest = BigInt(`0x${sha512}`); rest > 0n; rest /= BASE) {
    text = (DIGITS[Number(rest % BASE)] ?? '') + text;
  }
  return `c4${text.padStart(LENGTH, '1')}`;
};
