/**
 * A transfer beside a flood of junk datagrams at the data port of its receiver: how much of its
 * throughput is left, and who drops the junk.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LOOPBACK, repositoryRoot } from '../../../scripts/dist/server-process.js';
import { awaitEqual, type Scene, secondsOf, sleep, startTransfer, withScene } from './wan-case.js';
import type { WanLab } from './wan-lab.js';

const execute = promisify(execFile);

export const FLOOD_LINK = { rttMs: 10, rateMbps: 500, lossPercent: 0, queueMs: 50 };
export const FLOOD_PER_SECOND = 200_000;
/** It is ended with the transfer. */
const FLOOD_SECONDS_MAX = 110;
const FLOOD_AHEAD_MS = 300;
const TRANSFER_SECONDS_MAX = 100;

/** What came of one transfer without and one with the flood. */
export interface FloodRun {
  readonly calmMbps: number;
  readonly floodedMbps: number;
  /** Datagrams that the flooder sent each second. */
  readonly perSecond: number;
  /** Share of them that the kernel has dropped at the socket. */
  readonly droppedByKernel: number;
}

/** Share of the throughput that is left. */
export const shareLeft = ({ calmMbps, floodedMbps }: FloodRun): number => floodedMbps / calmMbps;

async function flooder(): Promise<string> {
  const directory = join(repositoryRoot(), 'tests/wan/flood');
  const source = join(directory, 'junk-flood.c');
  const binary = join(directory, 'build/junk-flood');
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(join(directory, 'build'), { recursive: true });
    await execute('cc', ['-O2', '-Wall', '-o', binary, source]);
  }
  return binary;
}

const megabitsOf = async (scene: Scene): Promise<number> => {
  const { transferId } = await startTransfer(scene);
  const done = await awaitEqual(scene, transferId, TRANSFER_SECONDS_MAX);
  return ((done.totalBytes ?? 0) * 8) / 1e6 / secondsOf(done);
};

/** Datagrams that the kernel has dropped so far at a UDP port of the receiver's node. */
async function dropsAt(lab: WanLab | null, port: number): Promise<number> {
  const [command = 'cat', ...rest] = [...(lab?.b.launcher ?? []), 'cat'];
  const { stdout } = await execute(command, [...rest, '/proc/net/udp', '/proc/net/udp6']);
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const fields = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return fields
    .filter(([, local = '']) => local.endsWith(wanted))
    .reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}

/** Ends the flood. @returns What it says: datagrams per second, and how many in all. */
async function endOf(flood: ChildProcess): Promise<readonly [number, number]> {
  let text = '';
  flood.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const closed = once(flood, 'close');
  flood.kill('SIGTERM');
  await closed;
  const [perSecond = 0, sent = 0] = text.trim().split(' ').map(Number);
  return [perSecond, sent];
}

/**
 * Sends the same tree twice between fresh servers, the second time beside a flood.
 *
 * @param lab Null for loopback, where nothing but the processor limits.
 * @throws {Error} If a transfer does not end well, or arrives changed.
 */
export async function measureFlood(lab: WanLab | null, bytes: number): Promise<FloodRun> {
  const binary = await flooder();
  const options = { bigFileBytes: bytes };
  const calmMbps = await withScene(lab, options, megabitsOf);
  return withScene(lab, options, async (scene) => {
    const port = scene.pair.receiver.server.ready.recvPort;
    // Inside the receiver's node, so that the link is not the flood's bottleneck.
    const [command = binary, ...rest] = [...(lab?.b.launcher ?? []), binary];
    const where = [lab?.b.address ?? LOOPBACK, String(port)];
    const before = await dropsAt(lab, port);
    const much = [String(FLOOD_PER_SECOND), String(FLOOD_SECONDS_MAX)];
    const flood = spawn(command, [...rest, ...where, ...much], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await sleep(FLOOD_AHEAD_MS);
      const floodedMbps = await megabitsOf(scene);
      if (flood.exitCode !== null) throw new Error('The flood ended before the transfer');
      const [perSecond, sent] = await endOf(flood);
      const dropped = (await dropsAt(lab, port)) - before;
      return { calmMbps, floodedMbps, perSecond, droppedByKernel: dropped / Math.max(1, sent) };
    } finally {
      flood.kill('SIGKILL');
    }
  });
}
