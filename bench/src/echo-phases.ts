/** Phases of a benchmark, in each of which another caller measures how long its `echo` takes. */
import type { EchoWatch } from './echo-watch.js';
import { peakResidentBytes } from './process-meter.js';
import type { Verdict } from './results-file.js';
import { format, table } from './statistics.js';
import { note } from './workplace.js';

const ECHO_MS_MAX = 50;

/** What one phase has shown. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly echoes: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly peakBytes: number;
}

/** Who measures what. */
export interface EchoBench {
  readonly watch: EchoWatch;
  /** Process of the server. */
  readonly pid: number;
  readonly phases: Phase[];
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Does the work of a phase and notes what the other caller has measured meanwhile. */
export async function measure<T>(
  bench: EchoBench,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  await bench.watch.take();
  const startMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - startMs) / 1000;
  const sorted = (await bench.watch.take()).sort((a, b) => a - b);
  const phase = {
    name,
    seconds,
    echoes: sorted.length,
    medianMs: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
    peakBytes: peakResidentBytes(bench.pid),
  };
  bench.phases.push(phase);
  note(
    `${name}: ${format(seconds, 1)} s, echo p99 ${format(phase.p99Ms, 1)} ms, ` +
      `peak ${format(phase.peakBytes / 1e6)} MB`,
  );
  return result;
}

/** A target for each phase. */
export const echoVerdicts = (phases: readonly Phase[]): Verdict[] =>
  phases.map(({ name, p99Ms }) => ({
    what: `echo, p99, beside ${name}`,
    target: `<= ${ECHO_MS_MAX} ms`,
    measured: `${format(p99Ms, 1)} ms`,
    met: p99Ms <= ECHO_MS_MAX,
  }));

/** The phases as a table. */
export const phaseTable = (phases: readonly Phase[]): string =>
  table<Phase>(
    [
      ['meanwhile', ({ name }) => name],
      ['seconds', ({ seconds }) => format(seconds, 1)],
      ['echoes', ({ echoes }) => format(echoes)],
      ['median, ms', ({ medianMs }) => format(medianMs, 2)],
      ['p99, ms', ({ p99Ms }) => format(p99Ms, 1)],
      ['longest, ms', ({ maxMs }) => format(maxMs, 1)],
      ['server peak RSS so far, MB', ({ peakBytes }) => format(peakBytes / 1e6)],
    ],
    phases,
  );
