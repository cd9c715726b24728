/** CPU seconds for each GB: ours beside other tools, and whether ours are few enough. */
import type { TransferRun } from './measure-transfer.js';
import type { PeerRun } from './peers.js';
import type { Verdict } from './results-text.js';
import { format, median, medianOf, table } from './statistics.js';

/** The tool whose CPU time ours may exceed by at most this factor. */
const JUDGING_PEER = 'aria2-bbr';
const FACTOR_MAX = 1.5;
const GIGABYTE = 1e9;

/** One run, whoever it was of. */
export interface CostRun {
  readonly goodputMbps: number;
  /** CPU seconds of both ends for each GB. */
  readonly cpuPerGb: number;
  /** The same of the emulator. */
  readonly emulatorPerGb: number;
}

/** What a transfer of ours has cost. */
export const ownCost = (run: TransferRun): CostRun => ({
  goodputMbps: run.goodputMbps,
  cpuPerGb: (run.senderCpu + run.receiverCpu) / (run.bytes / GIGABYTE),
  emulatorPerGb: run.emulatorCpu / (run.bytes / GIGABYTE),
});

/** What a run of another tool has cost; null when the file did not arrive. */
export const peerCost = (run: PeerRun): CostRun | null =>
  run.outcome !== 'finished'
    ? null
    : {
        goodputMbps: run.goodputMbps,
        cpuPerGb: run.cpuSeconds / (run.bytes / GIGABYTE),
        emulatorPerGb: run.emulatorCpu / (run.bytes / GIGABYTE),
      };

/** Runs by the name of the contender. */
export type CostRuns = ReadonlyMap<string, readonly CostRun[]>;

/** A row for each contender: medians, and all runs. */
export function costTable(runs: CostRuns): string {
  const of = (list: readonly CostRun[], pick: (run: CostRun) => number): number | null =>
    medianOf(list.map(pick));
  return table(
    [
      ['tool', ([name]) => name],
      [
        'CPU s/GB, both ends',
        ([, list]) =>
          format(
            of(list, (run) => run.cpuPerGb),
            2,
          ),
      ],
      [
        'of the emulator',
        ([, list]) =>
          format(
            of(list, (run) => run.emulatorPerGb),
            2,
          ),
      ],
      ['Mbit/s', ([, list]) => format(of(list, (run) => run.goodputMbps))],
      ['runs, CPU s/GB', ([, list]) => list.map((run) => format(run.cpuPerGb, 2)).join(', ')],
    ],
    [...runs],
  );
}

/** The verdict on ours; none when the tool that it depends on has no figure. */
export function costVerdict(what: string, runs: CostRuns, ours: string): Verdict[] {
  const used = medianOf((runs.get(ours) ?? []).map((run) => run.cpuPerGb));
  const theirs = runs.get(JUDGING_PEER) ?? [];
  if (used === null || theirs.length === 0) return [];
  const most = median(theirs.map((run) => run.cpuPerGb)) * FACTOR_MAX;
  return [
    {
      what: `CPU s/GB of both ends, ${what}`,
      target: `<= ${format(most, 2)} (${FACTOR_MAX} x ${JUDGING_PEER})`,
      measured: format(used, 2),
      met: used <= most,
    },
  ];
}
