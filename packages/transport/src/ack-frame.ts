/**
 * The acknowledgement: which packets have come in, how long the newest one waited here, and how
 * much more the receiver can take.
 *
 * Payload, big-endian: `delayUs u32 · trainRate u32 · rateLimit u32 · streamLimit u64 · creditCount u8 · creditCount times
 * (channel u16, chunkLimit u32) · bitmap`. Bit i of the bitmap (lowest first) stands for packet
 * `top - i`, where `top` is the frame's position. The rest of the payload is bitmap.
 */
import { getU16, getU32, getU64, putU16, putU32, putU64 } from './bytes.js';
import { CONTROL_BYTES_MAX } from './wire.js';

/** Most transfers that one ack grants credit to; the others come in the next one. */
export const ACK_CREDITS_MAX = 32;
const FIXED_BYTES = 21;
const CREDIT_BYTES = 6;

export interface Credit {
  channel: number;
  /** Chunks below this index may be sent. */
  chunkLimit: number;
}

export interface AckHead {
  delayUs: number;
  /** Rate of the longest packet train since the last ack, bytes per millisecond; 0 for none. */
  trainRate: number;
  /** Most that the receiver wants to get, bytes per millisecond; 0 for no limit. */
  rateLimit: number;
  /** Reliable-stream bytes below this offset may be sent. */
  streamLimit: number;
  credits: readonly Credit[];
}

export interface AckFrame extends AckHead {
  readonly credits: Credit[];
  /** Where the bitmap starts and ends in the payload. */
  bitmapStart: number;
  bitmapEnd: number;
}

/** Bytes left for the bitmap beside `creditCount` credits. */
export const ackBitmapBytesMax = (creditCount: number): number =>
  CONTROL_BYTES_MAX - FIXED_BYTES - creditCount * CREDIT_BYTES;

/**
 * Writes everything but the bitmap.
 *
 * @returns Where the bitmap goes.
 */
export const writeAckHead = (bytes: Uint8Array, at: number, head: AckHead): number => {
  putU32(bytes, at, Math.min(0xffff_ffff, Math.max(0, Math.round(head.delayUs))));
  putU32(bytes, at + 4, Math.min(0xffff_ffff, Math.max(0, Math.round(head.trainRate))));
  putU32(bytes, at + 8, Math.min(0xffff_ffff, Math.max(0, Math.round(head.rateLimit))));
  putU64(bytes, at + 12, head.streamLimit);
  bytes[at + 20] = head.credits.length;
  let next = at + FIXED_BYTES;
  for (const credit of head.credits) {
    putU16(bytes, next, credit.channel);
    putU32(bytes, next + 2, credit.chunkLimit);
    next += CREDIT_BYTES;
  }
  return next;
};

/**
 * Reads an ack payload.
 *
 * @returns null when it is malformed.
 */
export const readAck = (bytes: Uint8Array, at: number, length: number): AckFrame | null => {
  if (length < FIXED_BYTES) return null;
  const creditCount = bytes[at + 20] as number;
  const bitmapStart = at + FIXED_BYTES + creditCount * CREDIT_BYTES;
  if (creditCount > ACK_CREDITS_MAX || bitmapStart > at + length) return null;
  const credits: Credit[] = [];
  for (let from = at + FIXED_BYTES; from < bitmapStart; from += CREDIT_BYTES) {
    credits.push({ channel: getU16(bytes, from), chunkLimit: getU32(bytes, from + 2) });
  }
  return {
    delayUs: getU32(bytes, at),
    trainRate: getU32(bytes, at + 4),
    rateLimit: getU32(bytes, at + 8),
    streamLimit: getU64(bytes, at + 12),
    credits,
    bitmapStart,
    bitmapEnd: at + length,
  };
};
