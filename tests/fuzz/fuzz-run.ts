/**
 * How long a fuzzer runs: a few runs from a fixed seed in `npm test`, many from drawn seeds in
 * `tests/fuzz/run`. FUZZ_SEED=n repeats one, FUZZ_FACTOR=n multiplies the runs.
 */

const { FUZZ_SEED = '1', FUZZ_FACTOR = '1' } = process.env;

/** Seed of this run. */
export const fuzzSeed = Number(FUZZ_SEED);

/** How many times to do what is done `runs` times in the short mode. */
export const fuzzRuns = (runs: number): number => Math.ceil(runs * Number(FUZZ_FACTOR));

/** Options of a property; a failure prints seed and path. */
export const property = (runs: number): { seed: number; numRuns: number } => ({
  seed: fuzzSeed,
  numRuns: fuzzRuns(runs),
});
