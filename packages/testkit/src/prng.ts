/**
 * Seeded random numbers (xoshiro128**), so that a run can be repeated from its seed. Not for
 * secrets.
 */

const rotateLeft = (value: number, bits: number): number =>
  (value << bits) | (value >>> (32 - bits));

/** One step of splitmix32: spreads a seed over all bits. */
export const mix32 = (value: number): number => {
  let mixed = (value + 0x9e37_79b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
};

/** A stream of pseudo-random numbers. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#a = mix32(seed);
    this.#b = mix32(this.#a);
    this.#c = mix32(this.#b);
    this.#d = mix32(this.#c) | 1;
  }

  /** Uniform over all 32-bit numbers. */
  next(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** Uniform in [0, 1). */
  float(): number {
    return this.next() / 0x1_0000_0000;
  }

  /** Uniform over 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor(this.float() * end);
  }

  /** True with this probability; draws nothing when it is 0. */
  chance(probability: number): boolean {
    return probability > 0 && this.float() < probability;
  }

  /** An independent stream. */
  fork(): Prng {
    return new Prng(this.next());
  }

  /** Fills an array with random bytes and returns it. */
  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i += 1) out[i] = this.next();
    return out;
  }
}
