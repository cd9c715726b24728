/**
 * File names are bytes; the API carries text. Valid UTF-8 is itself; each byte that is not part of
 * valid UTF-8 becomes one lone surrogate, U+DC00 + byte (U+DC80 to U+DCFF), which JSON carries as
 * `\udc80`. The mapping is lossless both ways for every name that a file system can hold.
 *
 * @see PEP 383; docs/ARCHITECTURE.md, "Paths"
 */

const ESCAPE_FIRST = 0xdc80;
const ESCAPE_LAST = 0xdcff;

/** Bytes of the valid UTF-8 sequence that starts at `at`, or 0 if there is none. */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const next = (offset: number): number => bytes[at + offset] ?? 0;
  const continues = (offset: number): boolean => (next(offset) & 0xc0) === 0x80;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    if (first === 0xe0 && next(1) < 0xa0) return 0;
    // Encoded surrogates are not UTF-8; they are escaped byte by byte.
    if (first === 0xed && next(1) > 0x9f) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first === 0xf0 && next(1) < 0x90) return 0;
    if (first === 0xf4 && next(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
};

const codePointAt = (bytes: Uint8Array, at: number, length: number): number => {
  const byte = (offset: number): number => bytes[at + offset] ?? 0;
  if (length === 1) return byte(0);
  if (length === 2) return ((byte(0) & 0x1f) << 6) | (byte(1) & 0x3f);
  if (length === 3) {
    return ((byte(0) & 0x0f) << 12) | ((byte(1) & 0x3f) << 6) | (byte(2) & 0x3f);
  }
  return (
    ((byte(0) & 0x07) << 18) | ((byte(1) & 0x3f) << 12) | ((byte(2) & 0x3f) << 6) | (byte(3) & 0x3f)
  );
};

/** Text of a file name or path given as bytes. */
export const pathTextFromBytes = (bytes: Uint8Array): string => {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += 1;
    } else {
      text += String.fromCodePoint(codePointAt(bytes, at, length));
      at += length;
    }
  }
  return text;
};

/**
 * Bytes of a file name or path given as text, or null when the text holds a lone surrogate that
 * stands for no byte (and so names no file).
 */
export const pathBytesFromText = (text: string): Uint8Array | null => {
  const out: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const point = text.codePointAt(at) ?? 0;
    if (point > 0xffff) {
      at += 1;
      out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f));
      out.push(0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    } else if (point >= ESCAPE_FIRST && point <= ESCAPE_LAST) {
      out.push(point - 0xdc00);
    } else if (point >= 0xd800 && point <= 0xdfff) {
      return null;
    } else if (point < 0x80) {
      out.push(point);
    } else if (point < 0x800) {
      out.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    } else {
      out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    }
  }
  return Uint8Array.from(out);
};
