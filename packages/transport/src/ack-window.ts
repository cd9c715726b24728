/**
 * Receiving side of acknowledgement: remembers which packet numbers have come in (which is also the
 * replay protection) and writes the bitmaps of ack frames.
 */

/** Packet numbers remembered behind the highest one; older packets are refused. */
export const ACK_WINDOW_PACKETS = 1 << 17;
const MASK = ACK_WINDOW_PACKETS - 1;

export class AckWindow {
  readonly #bits = new Uint8Array(ACK_WINDOW_PACKETS / 8);
  #highest = -1;
  #highestAt = 0;
  #floor = 0;

  /** Highest packet number seen, -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** When it came in, in microseconds. */
  get highestAt(): number {
    return this.#highestAt;
  }

  /** Packet numbers that the peer may still want to hear about. */
  get span(): number {
    return Math.min(this.#highest - Math.max(this.#floor, 0) + 1, ACK_WINDOW_PACKETS);
  }

  /** Everything below is resolved at the peer; told by its state frames. */
  raiseFloor(packetNumber: number): void {
    if (packetNumber > this.#floor && packetNumber <= this.#highest + 1) {
      this.#floor = packetNumber;
    }
  }

  /**
   * Notes a packet.
   *
   * @returns False for a duplicate or one too old to tell: it must have no effect.
   */
  add(packetNumber: number, now: number): boolean {
    if (packetNumber > this.#highest) {
      this.#clearBetween(packetNumber);
      this.#highest = packetNumber;
      this.#highestAt = now;
    } else if (packetNumber <= this.#highest - ACK_WINDOW_PACKETS) {
      return false;
    }
    const slot = packetNumber & MASK;
    const bit = 1 << (slot & 7);
    const byte = this.#bits[slot >> 3] as number;
    if ((byte & bit) !== 0) return false;
    this.#bits[slot >> 3] = byte | bit;
    return true;
  }

  has(packetNumber: number): boolean {
    if (packetNumber > this.#highest || packetNumber <= this.#highest - ACK_WINDOW_PACKETS) {
      return false;
    }
    const slot = packetNumber & MASK;
    return ((this.#bits[slot >> 3] as number) & (1 << (slot & 7))) !== 0;
  }

  /**
   * Writes the bitmap of `top` and the packets before it.
   *
   * @param bytesMax Room in `bytes` from `at`.
   * @returns Bytes written; trailing zero bytes are left out.
   */
  writeBitmap(top: number, bytes: Uint8Array, at: number, bytesMax: number): number {
    const lowest = Math.max(this.#floor, this.#highest - ACK_WINDOW_PACKETS + 1, 0);
    const count = Math.min(top - lowest + 1, bytesMax * 8);
    let length = 0;
    for (let from = 0; from < count; from += 8) {
      let byte = 0;
      const until = Math.min(8, count - from);
      for (let i = 0; i < until; i += 1) {
        const slot = (top - from - i) & MASK;
        if (((this.#bits[slot >> 3] as number) & (1 << (slot & 7))) !== 0) byte |= 1 << i;
      }
      bytes[at + (from >> 3)] = byte;
      if (byte !== 0) length = (from >> 3) + 1;
    }
    return length;
  }

  /** Forgets the numbers that the advancing window brings back into use. */
  #clearBetween(packetNumber: number): void {
    const gap = packetNumber - this.#highest;
    if (gap >= ACK_WINDOW_PACKETS) {
      this.#bits.fill(0);
      return;
    }
    for (let next = this.#highest + 1; next <= packetNumber; next += 1) {
      const slot = next & MASK;
      this.#bits[slot >> 3] = (this.#bits[slot >> 3] as number) & ~(1 << (slot & 7));
    }
  }
}
