/**
 * Cases in which the receiver's disk is slow or stands still: an ext4 file system in a file, behind
 * a loop device that a control group throttles, or frozen as a whole.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TransferStructure } from '@jetstream/contract';
import {
  awaitEqual,
  awaitSent,
  CannotRun,
  describeTransfer,
  resentShare,
  type Scene,
  secondsOf,
  sleep,
  startTransfer,
  type WanCase,
  withDirectory,
  withLab,
  withScene,
} from './wan-case.js';
import type { WanLab } from './wan-lab.js';

const execute = promisify(execFile);
const MEGABYTE = 1024 * 1024;
const LINK = { rttMs: 40, rateMbps: 300, lossPercent: 0, queueMs: 100 };
const STALL_MS = 20_000;
/** The end of the stall, when the receiver's buffers have long been full. */
const IDLE_MS = 8000;
/** Signs of life, and no content. */
const IDLE_BYTES_MAX = 10_000;
/** The receiver holds 480 chunks, and some are on their way. */
const BUFFERED_BYTES_MAX = 140 * MEGABYTE;
const THROTTLE_BYTES_PER_SECOND = 5_000_000;
/** Memory that the receiver may take on top of what it had before the stall. */
const GROWTH_BYTES_MAX = 200 * MEGABYTE;
const PACKET_BYTES = 1424;
/** A busy machine looks like silence, and a timeout repeats up to 128 packets: a few of those. */
const RESENT_BYTES_MAX = 5 * 128 * PACKET_BYTES;
const BLKIO = '/sys/fs/cgroup/blkio';

/** A disk of its own. */
interface LoopDisk {
  readonly path: string;
  readonly device: string;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

/** A frozen file system would hold up every process that writes to it, for ever. */
const frozen = new Set<string>();
process.once('exit', () => {
  for (const path of frozen) execFileSync('fsfreeze', ['-u', path], { stdio: 'ignore' });
});

async function withDisk<T>(mountOptions: string, act: (disk: LoopDisk) => Promise<T>): Promise<T> {
  return withDirectory(async (directory) => {
    const image = join(directory, 'image');
    const path = join(directory, 'disk');
    mkdirSync(path);
    try {
      await execute('truncate', ['-s', '640M', image]);
      await execute('mkfs.ext4', ['-q', image]);
      await execute('mount', ['-o', mountOptions, image, path]);
    } catch (error) {
      throw new CannotRun(`it needs mkfs.ext4 and loop mounts (${(error as Error).message})`);
    }
    const { stdout } = await execute('findmnt', ['-n', '-o', 'SOURCE', path]);
    const thaw = async (): Promise<void> => {
      if (frozen.delete(path)) await execute('fsfreeze', ['-u', path]);
    };
    try {
      return await act({
        path,
        device: stdout.trim(),
        thaw,
        freeze: async () => {
          frozen.add(path);
          await execute('fsfreeze', ['-f', path]);
        },
      });
    } finally {
      await thaw();
      await execute('umount', [path]);
    }
  });
}

/** Puts a process into a control group that may write so much per second to a device. */
function throttle(pid: number, device: string): () => void {
  if (!existsSync(join(BLKIO, 'cgroup.procs'))) {
    throw new CannotRun(`it needs the blkio control groups in ${BLKIO}`);
  }
  const number = readFileSync(join('/sys/class/block', device.replace('/dev/', ''), 'dev'), 'utf8');
  const group = join(BLKIO, `jetstream-wan-${pid}`);
  mkdirSync(group);
  const limit = `${number.trim()} ${THROTTLE_BYTES_PER_SECOND}`;
  writeFileSync(join(group, 'blkio.throttle.write_bps_device'), limit);
  writeFileSync(join(group, 'cgroup.procs'), String(pid));
  return () => {
    writeFileSync(join(BLKIO, 'cgroup.procs'), String(pid));
    rmdirSync(group);
  };
}

const residentBytes = (pid: number): number => {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1] ?? 0) * 1024;
};

const sentBytes = async ({ pair }: Scene, transferId: string): Promise<number> =>
  (await pair.sender.api.send.getTransfer(transferId)).bytesSent;

/** A slow disk is no reason to send anything twice. @throws {Error} If more went than was lost. */
async function requireNothingResent(lab: WanLab, done: TransferStructure): Promise<void> {
  const stats = await lab.stats();
  const lost = (stats.get('ab.drop_queue') ?? 0) + (stats.get('a.device_drops') ?? 0);
  const resent = resentShare(done) * (done.totalBytes ?? 0);
  if (resent <= lost * PACKET_BYTES + RESENT_BYTES_MAX) return;
  throw new Error(`${lost} packets were lost, but ${describeTransfer(done)}`);
}

async function stalls(disk: LoopDisk, scene: Scene, lab: WanLab): Promise<string> {
  const { pid } = scene.pair.receiver.server.ready;
  const { transferId } = await startTransfer(scene);
  await awaitSent(scene, transferId, 24 * MEGABYTE);
  const before = residentBytes(pid);
  await disk.freeze();
  const sentBefore = await sentBytes(scene, transferId);
  await sleep(STALL_MS - IDLE_MS);
  const sentEarly = await sentBytes(scene, transferId);
  await sleep(IDLE_MS);
  const idle = (await sentBytes(scene, transferId)) - sentEarly;
  const growth = residentBytes(pid) - before;
  await disk.thaw();
  const done = await awaitEqual(scene, transferId, 60);
  const buffered = sentEarly - sentBefore;
  if (buffered > BUFFERED_BYTES_MAX) throw new Error(`${buffered} bytes were sent in the stall`);
  if (idle > IDLE_BYTES_MAX) throw new Error(`${idle} bytes were sent to a disk that stood still`);
  if (growth > GROWTH_BYTES_MAX) throw new Error(`The receiver grew by ${growth} bytes`);
  await requireNothingResent(lab, done);
  const text = `${(buffered / 1e6).toFixed(0)} MB into buffers, then ${idle} bytes in 8 s`;
  return `${describeTransfer(done)}, ${text}, receiver grew by ${(growth / 1e6).toFixed(0)} MB`;
}

async function isSlow(disk: LoopDisk, scene: Scene, lab: WanLab): Promise<string> {
  const { pid } = scene.pair.receiver.server.ready;
  const release = throttle(pid, disk.device);
  try {
    const before = residentBytes(pid);
    const { transferId } = await startTransfer(scene);
    const done = await awaitEqual(scene, transferId, 90);
    const growth = residentBytes(pid) - before;
    if (growth > GROWTH_BYTES_MAX) throw new Error(`The receiver grew by ${growth} bytes`);
    await requireNothingResent(lab, done);
    const fastest = (done.totalBytes ?? 0) / (2 * THROTTLE_BYTES_PER_SECOND);
    if (secondsOf(done) < fastest) throw new Error(`No slow disk: ${describeTransfer(done)}`);
    return `${describeTransfer(done)}, receiver grew by ${(growth / 1e6).toFixed(0)} MB`;
  } finally {
    release();
  }
}

const onDisk = (
  disk: { readonly bigFileBytes: number; readonly mountOptions: string },
  act: (disk: LoopDisk, scene: Scene, lab: WanLab) => Promise<string>,
): Promise<string> =>
  withDisk(disk.mountOptions, (mounted) =>
    withLab(LINK, (lab) => {
      const target = join(mounted.path, 'target');
      return withScene(lab, { ...disk, target }, (scene) => act(mounted, scene, lab));
    }),
  );

export const diskCases: readonly WanCase[] = [
  {
    name: 'disk-slow',
    about: "the receiver's disk writes 5 MB/s",
    // Written through, or the page cache would take it all at once; and more than memory takes.
    run: () => onDisk({ bigFileBytes: 170 * MEGABYTE, mountOptions: 'loop,sync' }, isSlow),
  },
  {
    name: 'disk-stalled',
    about: "the receiver's disk stands still for 20 s: the sender idles, memory is bounded",
    run: () => onDisk({ bigFileBytes: 280 * MEGABYTE, mountOptions: 'loop' }, stalls),
  },
];
