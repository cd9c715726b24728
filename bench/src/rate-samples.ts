/** Rates over time from counters that are read again and again. */

/** A reading: bytes so far. */
export interface RateSample {
  readonly ms: number;
  readonly bytes: number;
}

const kbps = (from: RateSample, to: RateSample): number =>
  ((to.bytes - from.bytes) * 8) / (to.ms - from.ms);

/** Bytes at a time, between two readings on a straight line. */
function at(samples: readonly RateSample[], ms: number): RateSample {
  let low = 0;
  let high = samples.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((samples[middle] as RateSample).ms <= ms) low = middle;
    else high = middle;
  }
  const [left, right] = [samples[low] as RateSample, samples[high] as RateSample];
  const share = right.ms > left.ms ? (ms - left.ms) / (right.ms - left.ms) : 0;
  return { ms, bytes: left.bytes + share * (right.bytes - left.bytes) };
}

/** Mean rate between two times, kbit/s. */
export const meanKbps = (samples: readonly RateSample[], fromMs: number, toMs: number): number =>
  kbps(at(samples, fromMs), at(samples, toMs));

/** Highest mean over any window of this length between two times, kbit/s. */
export function peakKbps(
  samples: readonly RateSample[],
  range: { readonly fromMs: number; readonly toMs: number },
  windowMs: number,
): number {
  let peak = 0;
  for (const { ms } of samples) {
    if (ms < range.fromMs || ms + windowMs > range.toMs) continue;
    peak = Math.max(peak, meanKbps(samples, ms, ms + windowMs));
  }
  return peak;
}

/** Time after `fromMs` from which on the rate, over windows, stays below a limit; null if never. */
export function settledMs(
  samples: readonly RateSample[],
  range: { readonly fromMs: number; readonly toMs: number },
  limit: { readonly kbps: number; readonly windowMs: number },
): number | null {
  let settled: number | null = null;
  for (let ms = range.fromMs; ms + limit.windowMs <= range.toMs; ms += 10) {
    const below = meanKbps(samples, ms, ms + limit.windowMs) <= limit.kbps;
    if (!below) settled = null;
    else settled ??= ms - range.fromMs;
  }
  return settled;
}
