/**
 * Packets in a stream of bytes: each is preceded by its length, two bytes, big-endian. The reader
 * holds at most one unfinished packet, so that a hostile stream costs no more memory than that.
 *
 * @see docs/PROTOCOL.md, "Over TCP"
 */
import { PACKET_OVERHEAD_BYTES, PAYLOAD_BYTES_MAX } from './packet-io.js';

/** Bytes of the length in front of each packet. */
export const STREAM_LENGTH_BYTES = 2;
/** Largest packet in a stream. */
export const STREAM_PACKET_BYTES_MAX = PAYLOAD_BYTES_MAX + PACKET_OVERHEAD_BYTES;

/** Writes the length in front of a packet that starts at `STREAM_LENGTH_BYTES`. */
export const putStreamLength = (frame: Uint8Array): void => {
  const length = frame.length - STREAM_LENGTH_BYTES;
  frame[0] = length >> 8;
  frame[1] = length & 0xff;
};

/** A packet as it travels in a stream. @param packet 1 to `STREAM_PACKET_BYTES_MAX` bytes. */
export const encodeStreamFrame = (packet: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(STREAM_LENGTH_BYTES + packet.length);
  frame.set(packet, STREAM_LENGTH_BYTES);
  putStreamLength(frame);
  return frame;
};

/** Takes a stream apart, however it is cut. */
export class StreamFrameReader {
  readonly #bytesMax: number;
  /** First byte of a length that the last piece ended in; -1 for none. */
  #lengthHigh = -1;
  /** The unfinished packet, and how much of it is there. */
  #partial: Uint8Array | null = null;
  #filled = 0;

  /** @param bytesMax Longest packet that is accepted. */
  constructor(bytesMax = STREAM_PACKET_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held of an unfinished packet. */
  get heldBytes(): number {
    return this.#partial?.length ?? 0;
  }

  /**
   * Takes the next piece of the stream.
   *
   * @param take Called with each whole packet, in order; it may point into `bytes`. False stops: the
   * rest is not looked at.
   * @returns Bytes of the piece that were used; -1 when the stream breaks the rules.
   */
  push(bytes: Uint8Array, take: (packet: Uint8Array) => boolean): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#partial !== null) {
        const piece = bytes.subarray(at, at + this.#partial.length - this.#filled);
        this.#partial.set(piece, this.#filled);
        this.#filled += piece.length;
        at += piece.length;
        if (this.#filled < this.#partial.length) break;
        const packet = this.#partial;
        this.#partial = null;
        if (!take(packet)) return at;
        continue;
      }
      const high = this.#lengthHigh >= 0 ? this.#lengthHigh : (bytes[at++] as number);
      if (at === bytes.length) {
        this.#lengthHigh = high;
        break;
      }
      this.#lengthHigh = -1;
      const length = high * 256 + (bytes[at++] as number);
      if (length === 0 || length > this.#bytesMax) return -1;
      if (at + length > bytes.length) {
        this.#partial = new Uint8Array(length);
        this.#filled = 0;
        continue;
      }
      const packet = bytes.subarray(at, at + length);
      at += length;
      if (!take(packet)) return at;
    }
    return at;
  }
}
