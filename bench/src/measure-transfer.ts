/**
 * Measured transfers between two fresh servers: wall time from `createTransfer` until the client
 * hears that it is complete, and what it cost. Both trees are compared afterwards. A second transfer
 * between the same servers shows what it is worth that the sender remembers the path.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { TransferStructure } from '@jetstream/contract';
import { differences, readTree, type TreeItem } from '../../scripts/dist/sample-tree.js';
import { logTail } from '../../scripts/dist/server-process.js';
import {
  openServerPair,
  prepareTransfer,
  requireComplete,
  type ServerPair,
} from '../../tests/wan/dist/server-pair.js';
import {
  LAB_DEVICE,
  type LabStats,
  type LinkOptions,
  openWanLab,
  type WanLab,
} from '../../tests/wan/dist/wan-lab.js';
import { withMemory } from './memory-reserve.js';
import {
  cpuSeconds,
  machineBusySeconds,
  peakResidentBytes,
  threadCpuSeconds,
} from './process-meter.js';
import { untilForgotten } from './seen-peer.js';
import { type TrafficReport, watchTraffic } from './traffic-watch.js';
import { note } from './workplace.js';

/** What to measure. */
export interface MeasureOptions {
  /** Directory at the sender, with what it holds. */
  readonly source: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  /** Where the receiver writes; emptied before and after. */
  readonly workDirectory: string;
  /** Servers' state; the work directory when absent. */
  readonly stateDirectory?: string;
  readonly dataPath: string;
  /** Emulated link; loopback of this machine when null. */
  readonly link: LinkOptions | null;
  /** Directory for CPU profiles of both servers. */
  readonly profileDirectory?: string;
  readonly timeoutSeconds?: number;
}

/** What the lab saw. */
export interface LinkReport {
  /** IP bytes that entered the link towards the receiver, and back. */
  readonly forwardBytes: number;
  readonly backwardBytes: number;
  readonly queueDrops: number;
  readonly lossDrops: number;
  /** Packets that the emulator delivered over 1 ms late, and those that it lost by itself. */
  readonly latePackets: number;
  readonly ownDrops: number;
}

/** One run. */
export interface TransferRun {
  readonly seconds: number;
  readonly bytes: number;
  readonly files: number;
  readonly goodputMbps: number;
  /** Milliseconds from the request until the servers' flow stood, by the sender's clock. */
  readonly flowUpMs: number | null;
  readonly traffic: TrafficReport | null;
  /** Payload sent again, share of the payload, by the transfer's counters. */
  readonly resentShare: number;
  readonly link: LinkReport | null;
  /** CPU seconds of the server processes during the transfer. */
  readonly senderCpu: number;
  readonly receiverCpu: number;
  /** CPU seconds of the busiest threads since the servers started. */
  readonly senderThreads: readonly number[];
  readonly receiverThreads: readonly number[];
  readonly senderPeakBytes: number;
  readonly receiverPeakBytes: number;
  /** CPU of programs that took no part, as a share of the whole machine. */
  readonly otherCpuShare: number;
  /** CPU seconds of the emulator, which does much of the receiving of TCP; 0 without one. */
  readonly emulatorCpu: number;
  readonly manifestSeconds: number;
  readonly path: string | null;
}

const TIMEOUT_SECONDS = 300;
const THREADS_SHOWN = 3;

function linkReport(before: LabStats, after: LabStats): LinkReport {
  const value = (key: string): number => (after.get(key) ?? 0) - (before.get(key) ?? 0);
  const both = (key: string): number => value(`ab.${key}`) + value(`ba.${key}`);
  return {
    forwardBytes: value('ab.in_bytes'),
    backwardBytes: value('ba.in_bytes'),
    queueDrops: value('ab.drop_queue'),
    lossDrops: value('ab.drop_loss'),
    latePackets: both('late_1ms'),
    ownDrops: value('a.device_drops') + value('b.device_drops') + both('drop_nomem'),
  };
}

/** CPU seconds that the emulator has used so far. */
export const emulatorCpu = (stats: LabStats): number =>
  [...stats].reduce((sum, [key, value]) => (key.startsWith('cpu_') ? sum + value : sum), 0);

interface CpuReading {
  readonly sender: number;
  readonly receiver: number;
  readonly own: number;
  readonly emulator: number;
  readonly machine: number;
}

function readCpu(pair: ServerPair, stats: LabStats | null): CpuReading {
  const { user, system } = process.cpuUsage();
  return {
    sender: cpuSeconds(pair.sender.server.ready.pid),
    receiver: cpuSeconds(pair.receiver.server.ready.pid),
    own: (user + system) / 1e6,
    emulator: stats === null ? 0 : emulatorCpu(stats),
    machine: machineBusySeconds(),
  };
}

function cpuBetween(before: CpuReading, after: CpuReading): CpuReading {
  const keys = ['sender', 'receiver', 'own', 'emulator', 'machine'] as const;
  const entries = keys.map((key) => [key, after[key] - before[key]] as const);
  return Object.fromEntries(entries) as Record<(typeof keys)[number], number>;
}

interface Timed {
  readonly transfer: TransferStructure;
  readonly seconds: number;
  readonly traffic: TrafficReport | null;
  readonly link: LinkReport | null;
  readonly cpu: CpuReading;
  readonly manifestSeconds: number;
}

async function timeTransfer(pair: ServerPair, lab: WanLab | null, places: Places): Promise<Timed> {
  const scanStarted = performance.now();
  const { source, target, name } = places;
  const prepared = await prepareTransfer(pair, { source, target, name });
  const manifestSeconds = (performance.now() - scanStarted) / 1000;
  const statsBefore = (await lab?.stats()) ?? null;
  const cpuBefore = readCpu(pair, statsBefore);
  const { pid } = pair.receiver.server.ready;
  const endWatch = lab === null ? null : watchTraffic({ pid, device: LAB_DEVICE });
  const started = performance.now();
  const { transferId } = await prepared.start();
  const transfer = await pair.sender.api.send.waitForTransfer(transferId, {
    timeoutSeconds: places.timeoutSeconds,
  });
  const seconds = (performance.now() - started) / 1000;
  const traffic = endWatch?.() ?? null;
  const stats = (await lab?.stats()) ?? null;
  const cpu = cpuBetween(cpuBefore, readCpu(pair, stats));
  requireComplete(transfer);
  const link = statsBefore === null || stats === null ? null : linkReport(statsBefore, stats);
  return { transfer, seconds, traffic, link, cpu, manifestSeconds };
}

interface Places {
  readonly source: string;
  readonly target: string;
  /** Below `target`. */
  readonly name: string;
  readonly timeoutSeconds: number;
}

function describe(timed: Timed, pair: ServerPair): TransferRun {
  const { transfer, seconds, traffic, link, cpu, manifestSeconds } = timed;
  const bytes = transfer.totalBytes ?? 0;
  const { sender, receiver } = pair;
  const others = cpu.machine - cpu.sender - cpu.receiver - cpu.own - cpu.emulator;
  const threads = (pid: number) => threadCpuSeconds(pid).slice(0, THREADS_SHOWN);
  return {
    seconds,
    bytes,
    files: transfer.totalFiles ?? 0,
    goodputMbps: (bytes * 8) / seconds / 1e6,
    flowUpMs:
      transfer.startTime === null ? null : (transfer.startTime - transfer.requestTime) / 1000,
    traffic,
    resentShare: bytes === 0 ? 0 : (transfer.blocksRetransmitted * transfer.blockSize) / bytes,
    link,
    senderCpu: cpu.sender,
    receiverCpu: cpu.receiver,
    senderThreads: threads(sender.server.ready.pid),
    receiverThreads: threads(receiver.server.ready.pid),
    senderPeakBytes: peakResidentBytes(sender.server.ready.pid),
    receiverPeakBytes: peakResidentBytes(receiver.server.ready.pid),
    otherCpuShare: Math.max(0, others) / seconds / availableParallelism(),
    emulatorCpu: cpu.emulator,
    manifestSeconds,
    path: transfer.path,
  };
}

/** Bytes of all files of a tree. */
export const bytesOf = (items: ReadonlyMap<string, TreeItem>): number =>
  [...items.values()].reduce((sum, item) => sum + item.bytes, 0);

/** Compares what has arrived with what was sent, and removes it. */
async function verify(options: MeasureOptions, arrived: string): Promise<void> {
  const found = differences(options.items, await readTree(arrived));
  if (found.length > 0) throw new Error(`${found.length} differences, first: ${found[0]}`);
  rmSync(arrived, { recursive: true });
}

async function openPair(lab: WanLab | null, options: MeasureOptions): Promise<ServerPair> {
  const directory = options.stateDirectory ?? join(options.workDirectory, 'servers');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const { profileDirectory } = options;
  const profileFlags = ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  return openServerPair({
    directory,
    lab,
    flags: [`--data-path=${options.dataPath}`],
    ...(profileDirectory === undefined ? {} : { nodeFlags: profileFlags }),
  });
}

async function measureIn(
  lab: WanLab | null,
  options: MeasureOptions,
  count: number,
): Promise<TransferRun[]> {
  const target = join(options.workDirectory, 'target');
  rmSync(target, { recursive: true, force: true });
  const { source, timeoutSeconds = TIMEOUT_SECONDS } = options;
  const runs: TransferRun[] = [];
  const pair = await openPair(lab, options);
  try {
    for (const name of ['first', 'second'].slice(0, count)) {
      if (runs.length > 0) await untilForgotten(pair);
      const places = { source, target, name, timeoutSeconds };
      const timed = await withMemory(options.workDirectory, bytesOf(options.items), () =>
        timeTransfer(pair, lab, places),
      );
      runs.push(describe(timed, pair));
      await verify(options, join(target, name));
    }
    return runs;
  } catch (error) {
    for (const { server } of [pair.sender, pair.receiver]) {
      note(`--- log of ${server.name}\n${logTail(server.logPath)}`);
    }
    throw error;
  } finally {
    await pair.stop();
    rmSync(target, { recursive: true, force: true });
  }
}

async function measureTransfers(options: MeasureOptions, count: number): Promise<TransferRun[]> {
  const lab = options.link === null ? null : await openWanLab(options.link);
  try {
    return await measureIn(lab, options, count);
  } finally {
    await lab?.close();
  }
}

/** Measures once, with servers and link of its own. */
export async function measureTransfer(options: MeasureOptions): Promise<TransferRun> {
  const [run] = await measureTransfers(options, 1);
  if (run === undefined) throw new Error('Cannot measure: nothing was transferred');
  return run;
}

/** A first contact, and a transfer once the sender has only its memory of that path. */
export interface ContactRuns {
  readonly first: TransferRun;
  readonly seen: TransferRun;
}

/** Measures two transfers, one after the other, with servers and link of their own. */
export async function measureContacts(options: MeasureOptions): Promise<ContactRuns> {
  const [first, seen] = await measureTransfers(options, 2);
  if (first === undefined || seen === undefined) throw new Error('Cannot measure both contacts');
  return { first, seen };
}
