/** Arithmetic of a progress display: how far, how fast, how long still. */

/** Milliseconds over which the rate is measured. */
const WINDOW_MS = 5000;

/** State of a transfer for a display. */
export interface ProgressSnapshot {
  readonly doneBytes: number;
  /** What is known of it, when `totalsGrow`. */
  readonly totalBytes: number;
  /** Whether files are still being looked for at the source. */
  readonly totalsGrow: boolean;
  /** 0 to 1, 0 while nobody knows; 1 when there is nothing to move. */
  readonly fraction: number;
  readonly rateBytesPerSecond: number;
  /** Null while the rate is unknown or zero. */
  readonly etaSeconds: number | null;
  readonly elapsedSeconds: number;
}

interface Sample {
  readonly atMs: number;
  readonly doneBytes: number;
}

/** Measures over the last seconds; never runs backwards. */
export class ProgressMeter {
  readonly #startMs: number;
  readonly #samples: Sample[];
  #totalBytes: number;
  #totalsGrow = false;

  constructor(totalBytes: number, nowMs: number) {
    this.#totalBytes = totalBytes;
    this.#startMs = nowMs;
    this.#samples = [{ atMs: nowMs, doneBytes: 0 }];
  }

  /** Notes how much is done. A smaller value than before is taken as the one before. */
  update(
    progress: { doneBytes: number; totalBytes: number; totalsGrow?: boolean },
    nowMs: number,
  ): ProgressSnapshot {
    this.#totalsGrow = progress.totalsGrow ?? false;
    this.#totalBytes = progress.totalBytes;
    const last = this.#samples.at(-1)?.doneBytes ?? 0;
    const doneBytes = Math.max(last, Math.min(progress.doneBytes, progress.totalBytes));
    this.#samples.push({ atMs: nowMs, doneBytes });
    // One sample at or before the edge of the window stays as the point to measure from.
    while ((this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - WINDOW_MS) {
      this.#samples.shift();
    }
    return this.snapshot(nowMs);
  }

  /** The state as of the last update. */
  snapshot(nowMs: number): ProgressSnapshot {
    const first = this.#samples[0] ?? { atMs: nowMs, doneBytes: 0 };
    const last = this.#samples.at(-1) ?? first;
    const spanMs = last.atMs - first.atMs;
    const rate = spanMs > 0 ? ((last.doneBytes - first.doneBytes) * 1000) / spanMs : 0;
    const rest = this.#totalBytes - last.doneBytes;
    return {
      doneBytes: last.doneBytes,
      totalBytes: this.#totalBytes,
      totalsGrow: this.#totalsGrow,
      fraction: this.#fraction(last.doneBytes),
      rateBytesPerSecond: rate,
      etaSeconds: this.#totalsGrow ? null : rest === 0 ? 0 : rate > 0 ? rest / rate : null,
      elapsedSeconds: (nowMs - this.#startMs) / 1000,
    };
  }

  #fraction(doneBytes: number): number {
    if (this.#totalsGrow) return 0;
    return this.#totalBytes === 0 ? 1 : doneBytes / this.#totalBytes;
  }
}
