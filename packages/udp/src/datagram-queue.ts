import type { PeerAddress } from '@jetstream/transport';

/** A datagram that came in and was not opened yet. */
export interface Datagram {
  readonly bytes: Buffer;
  readonly source: PeerAddress;
}

/** First in, first out, bounded by number and by bytes; what does not fit is counted and lost. */
export class DatagramQueue {
  readonly #slots: (Datagram | undefined)[];
  readonly #bytesMax: number;
  #head = 0;
  #count = 0;
  #bytes = 0;
  #overflowed = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#slots = new Array<Datagram | undefined>(countMax).fill(undefined);
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Datagrams that were dropped so far because the queue was full. */
  get overflowed(): number {
    return this.#overflowed;
  }

  push(datagram: Datagram): void {
    const size = datagram.bytes.length;
    if (this.#count >= this.#slots.length || this.#bytes + size > this.#bytesMax) {
      this.#overflowed++;
      return;
    }
    this.#slots[(this.#head + this.#count) % this.#slots.length] = datagram;
    this.#count++;
    this.#bytes += size;
  }

  peek(): Datagram | undefined {
    return this.#slots[this.#head];
  }

  /** Removes the first one. */
  drop(): void {
    const first = this.#slots[this.#head];
    if (first === undefined) return;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#slots.length;
    this.#count--;
    this.#bytes -= first.bytes.length;
  }

  clear(): void {
    while (this.#count > 0) this.drop();
  }
}
