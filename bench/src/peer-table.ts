/** Runs of other tools beside ours: one table, and bars for the chart. */
import type { TransferRun } from './measure-transfer.js';
import { peerOf } from './peer-tools.js';
import type { PeerRun } from './peers.js';
import { cpuPerGb } from './run-table.js';
import { type Column, format, median, medianOf, table } from './statistics.js';
import type { ChartBar } from './wan-chart.js';

/** Runs by the name of the contender. */
export type RunsByName<Run> = ReadonlyMap<string, readonly Run[]>;

/** CPU seconds of both ends for each GB, of the runs that have finished; null when none has. */
export function peerCpuPerGb(runs: readonly PeerRun[]): number | null {
  const finished = runs.filter(({ outcome }) => outcome === 'finished');
  return medianOf(finished.map((run) => run.cpuSeconds / (run.bytes / 1e9)));
}

/** Goodput over all runs that have a figure, those that were cut off included. */
const peerMbps = (runs: readonly PeerRun[]): number | null =>
  medianOf(runs.map((run) => (run.outcome === 'failed' ? null : run.goodputMbps)));

/** Outcome of a peer's runs that are no figures: "2 of 3 cut off". */
function shortfall(runs: readonly PeerRun[]): string {
  const count = (outcome: PeerRun['outcome']): string => {
    const number = runs.filter((run) => run.outcome === outcome).length;
    return number === 0 ? '' : ` (${number} of ${runs.length} ${outcome})`;
  };
  return `${count('cut off')}${count('failed')}`;
}

interface ToolRow {
  readonly name: string;
  readonly mbps: string;
  readonly wire: string;
  readonly cpu: string;
  readonly all: string;
}

function ownRow(name: string, runs: readonly TransferRun[]): ToolRow {
  return {
    name: `JetStream (${name})`,
    mbps: format(median(runs.map((run) => run.goodputMbps))),
    wire: format(medianOf(runs.map(({ link, bytes }) => link && link.forwardBytes / bytes)), 3),
    cpu: format(median(runs.map(cpuPerGb)), 2),
    all: runs.map(({ goodputMbps }) => format(goodputMbps)).join(', '),
  };
}

function peerRow(name: string, runs: readonly PeerRun[]): ToolRow {
  const finished = runs.filter(({ outcome }) => outcome === 'finished');
  return {
    name: `${name}${shortfall(runs)}`,
    mbps: format(peerMbps(runs)),
    // What a cut-off run has delivered is not known well enough to divide by it.
    wire: format(medianOf(finished.map((run) => run.forwardBytes / run.bytes)), 3),
    cpu: format(peerCpuPerGb(runs), 2),
    all: runs.map((run) => (run.outcome === 'failed' ? '-' : format(run.goodputMbps))).join(', '),
  };
}

/** Ours first, then each tool. */
export function peerTable(ours: RunsByName<TransferRun>, peers: RunsByName<PeerRun>): string {
  const columns: readonly Column<ToolRow>[] = [
    ['tool', (row) => row.name],
    ['Mbit/s, median', (row) => row.mbps],
    ['wire/payload', (row) => row.wire],
    ['CPU s/GB, both ends', (row) => row.cpu],
    ['runs, Mbit/s', (row) => row.all],
  ];
  return table(columns, [
    ...[...ours].map(([name, runs]) => ownRow(name, runs)),
    ...[...peers].map(([name, runs]) => peerRow(name, runs)),
  ]);
}

/** A bar for each tool that moves files and has a figure. */
export function peerBars(peers: RunsByName<PeerRun>): ChartBar[] {
  return [...peers].flatMap(([name, runs]) => {
    const mbps = peerOf(name).counts === undefined ? peerMbps(runs) : null;
    return mbps === null ? [] : [{ name, kind: 'peer' as const, mbps: Math.round(mbps) }];
  });
}
