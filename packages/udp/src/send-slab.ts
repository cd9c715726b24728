const SLAB_BYTES = 1024 * 1024;

/**
 * Memory for outgoing packets. Nearly always the kernel takes a packet at once and its memory serves
 * again; while libuv still holds some, fresh memory is used and the old left to the collector.
 */
export class SendSlab {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;

  /** Starts a batch. @param held Whether packets taken before are still to be sent. */
  begin(held: boolean): void {
    if (!held) this.#used = 0;
  }

  /** Memory for one packet; its content is arbitrary. */
  take(bytes: number): Buffer {
    if (this.#used + bytes > SLAB_BYTES) this.#fresh();
    const start = this.#used;
    this.#used += bytes;
    return this.#slab.subarray(start, this.#used);
  }

  #fresh(): void {
    this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#used = 0;
  }
}
