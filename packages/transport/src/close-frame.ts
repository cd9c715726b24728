/** Payload of a close frame: `code u16`, then the reason in ASCII. */
import { getU16, putU16 } from './bytes.js';

/** Reasons are cut to this; what isn't printable ASCII becomes a question mark. */
const REASON_BYTES_MAX = 498;

/** @returns Bytes written. */
export const writeClose = (
  bytes: Uint8Array,
  at: number,
  close: { readonly code: number; readonly reason: string },
): number => {
  const reason = close.reason.slice(0, REASON_BYTES_MAX);
  putU16(bytes, at, close.code);
  for (let i = 0; i < reason.length; i += 1) {
    const code = reason.charCodeAt(i);
    bytes[at + 2 + i] = code >= 0x20 && code < 0x7f ? code : 0x3f;
  }
  return 2 + reason.length;
};

/** Reads whatever is there: a peer that closes is believed in any case. */
export const readClose = (
  bytes: Uint8Array,
  at: number,
  length: number,
): { code: number; reason: string } => {
  const end = at + Math.min(length, REASON_BYTES_MAX + 2);
  let reason = '';
  for (let next = at + 2; next < end; next += 1) {
    const code = bytes[next] as number;
    reason += code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '?';
  }
  return { code: length >= 2 ? getU16(bytes, at) : 0, reason };
};
