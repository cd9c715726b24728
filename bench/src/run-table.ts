/** How runs of transfers are shown: one table for all benchmarks. */
import type { TransferRun } from './measure-transfer.js';
import { type Column, format, median, medianOf, table } from './statistics.js';

const MEGABYTE = 1e6;

/** CPU seconds of both servers for each GB of payload. */
export function cpuPerGb(run: TransferRun): number {
  return (run.senderCpu + run.receiverCpu) / (run.bytes / 1e9);
}

/** IP bytes on the link for each payload byte. */
function wireShare({ link, bytes }: TransferRun): number | null {
  return link === null ? null : link.forwardBytes / bytes;
}

interface Numbered extends TransferRun {
  readonly name: string;
}

const COLUMNS: readonly Column<Numbered>[] = [
  ['run', (run) => run.name],
  ['seconds', (run) => format(run.seconds, 2)],
  ['Mbit/s', (run) => format(run.goodputMbps)],
  ['flow up, ms', (run) => format(run.flowUpMs)],
  ['first data, ms', (run) => format(run.traffic?.firstDataMs ?? null)],
  ['after last data, ms', (run) => format(tailMs(run))],
  ['re-sent, %', (run) => format(100 * run.resentShare, 2)],
  ['wire/payload', (run) => format(wireShare(run), 3)],
  ['queue drops', (run) => format(run.link?.queueDrops ?? null)],
  ['CPU s/GB, sender', (run) => format(run.senderCpu / (run.bytes / 1e9), 2)],
  ['receiver', (run) => format(run.receiverCpu / (run.bytes / 1e9), 2)],
  ['peak RSS MB, sender', (run) => format(run.senderPeakBytes / MEGABYTE)],
  ['receiver', (run) => format(run.receiverPeakBytes / MEGABYTE)],
  ['other CPU, %', (run) => format(100 * run.otherCpuShare)],
];

/** Milliseconds from the arrival of the last data to the client's knowing that all is complete. */
function tailMs(run: TransferRun): number | null {
  const last = run.traffic?.lastDataMs ?? null;
  return last === null ? null : run.seconds * 1000 - last;
}

/** The run that stands for all: each figure is the median of its own. */
export function medianRun(runs: readonly TransferRun[]): TransferRun {
  const [first] = runs;
  if (first === undefined) throw new Error('Cannot take the median of no runs');
  const of = (pick: (run: TransferRun) => number): number => median(runs.map(pick));
  const ofOptional = (pick: (run: TransferRun) => number | null): number | null =>
    medianOf(runs.map(pick));
  const firstDataMs = ofOptional((run) => run.traffic?.firstDataMs ?? null);
  const tail = ofOptional(tailMs);
  const seconds = of((run) => run.seconds);
  const { link } = first;
  return {
    ...first,
    seconds,
    goodputMbps: of((run) => run.goodputMbps),
    flowUpMs: ofOptional((run) => run.flowUpMs),
    traffic:
      first.traffic === null
        ? null
        : {
            firstDataMs,
            lastDataMs: tail === null ? null : seconds * 1000 - tail,
            timelineMbps: [],
            stepSeconds: 0,
          },
    resentShare: of((run) => run.resentShare),
    link:
      link === null
        ? null
        : {
            ...link,
            forwardBytes: of((run) => run.link?.forwardBytes ?? 0),
            queueDrops: of((run) => run.link?.queueDrops ?? 0),
          },
    senderCpu: of((run) => run.senderCpu),
    receiverCpu: of((run) => run.receiverCpu),
    senderPeakBytes: of((run) => run.senderPeakBytes),
    receiverPeakBytes: of((run) => run.receiverPeakBytes),
    otherCpuShare: of((run) => run.otherCpuShare),
  };
}

/** Table of the median and of all runs. */
export function runTable(runs: readonly TransferRun[]): string {
  const rows = [
    { ...medianRun(runs), name: '**median**' },
    ...runs.map((run, index) => ({ ...run, name: `${index + 1}` })),
  ];
  return table(
    COLUMNS.filter(([, cell]) => rows.some((row) => cell(row) !== '-')),
    rows,
  );
}

/** One line about a run, for the terminal. */
export function runLine(run: TransferRun): string {
  return table(COLUMNS, [{ ...run, name: 'now' }])
    .split('\n')
    .at(-1) as string;
}

/** Rates over time and busiest threads of each run: where to look when a figure is low. */
export function runDetails(runs: readonly TransferRun[]): string {
  const lines = runs.map((run, index) => {
    const rates = run.traffic?.timelineMbps.map((rate) => format(rate)).join(' ');
    const threads = (seconds: readonly number[]): string =>
      seconds.map((value) => format(value, 2)).join(', ');
    const late = run.link === null ? '' : `; late packets ${run.link.latePackets}`;
    const own = run.link === null ? '' : `, lost by the emulator ${run.link.ownDrops}`;
    return (
      `- run ${index + 1}: busiest threads, CPU s: sender ${threads(run.senderThreads)}; ` +
      `receiver ${threads(run.receiverThreads)}; manifest ${format(run.manifestSeconds, 2)} s` +
      `${late}${own}${rates === undefined ? '' : `; arriving Mbit/s, each ${run.traffic?.stepSeconds} s: ${rates}`}`
    );
  });
  return lines.join('\n');
}
