/** Random numbers from a seed, for tests that play a bad path. */

/** @returns A function that yields 0 to `end` - 1. */
export const diceOf = (seed: number): ((end: number) => number) => {
  let state = (seed ^ 0x9e37_79b9) >>> 0;
  return (end) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x6d2b_79f5) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a_2d39) >>> 0;
    return ((mixed ^ (mixed >>> 15)) >>> 0) % end;
  };
};
