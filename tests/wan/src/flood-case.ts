/**
 * A flood of junk datagrams at the data port of a receiver, while a transfer runs: how much of its
 * throughput is left. Over loopback, where nothing but the processor limits either.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LOOPBACK, repositoryRoot } from '../../../scripts/dist/server-process.js';
import {
  awaitEqual,
  type Scene,
  secondsOf,
  sleep,
  startTransfer,
  type WanCase,
  withLab,
  withScene,
} from './wan-case.js';
import type { WanLab } from './wan-lab.js';

const execute = promisify(execFile);

const LINK = { rttMs: 10, rateMbps: 500, lossPercent: 0, queueMs: 50 };
const FLOOD_PER_SECOND = 200_000;
const FLOOD_SECONDS = 20;
/** The flooder shares the cores with both servers and may fall behind. */
const FLOOD_SHARE_MIN = 0.7;
const BIG_FILE_BYTES = 250 * 1024 * 1024;
const SHARE_MIN = 0.5;

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
  const done = await awaitEqual(scene, transferId, 120);
  return ((done.totalBytes ?? 0) * 8) / 1e6 / secondsOf(done);
};

async function flooded(lab: WanLab | null): Promise<string> {
  const binary = await flooder();
  const options = { bigFileBytes: BIG_FILE_BYTES };
  const calm = await withScene(lab, options, megabitsOf);
  return withScene(lab, options, async (scene) => {
    const port = String(scene.pair.receiver.server.ready.recvPort);
    const [command = binary, ...rest] = [...(lab?.b.launcher ?? []), binary];
    // Inside the receiver's node, so that the link is not the flood's bottleneck.
    const words = [
      lab?.b.address ?? LOOPBACK,
      port,
      String(FLOOD_PER_SECOND),
      String(FLOOD_SECONDS),
    ];
    const flood = execute(command, [...rest, ...words]);
    await sleep(300);
    const startedAt = performance.now();
    const during = await megabitsOf(scene);
    const seconds = (performance.now() - startedAt) / 1000;
    const perSecond = Number((await flood).stdout);
    const share = during / calm;
    const text =
      `${calm.toFixed(0)} Mbit/s alone, ${during.toFixed(0)} Mbit/s (${(share * 100).toFixed(0)} %)` +
      ` under ${Math.round(perSecond / 1000)},000 junk datagrams/s`;
    if (seconds > FLOOD_SECONDS) throw new Error(`The flood ended first: ${text}`);
    if (perSecond < FLOOD_PER_SECOND * FLOOD_SHARE_MIN) throw new Error(`A weak flood: ${text}`);
    if (share < SHARE_MIN) throw new Error(text);
    return text;
  });
}

export const floodCases: readonly WanCase[] = [
  {
    name: 'flood',
    about: '200,000 junk datagrams/s at the receiver of a 500 Mbit/s link',
    smoke: true,
    run: () => withLab(LINK, flooded),
  },
  {
    name: 'flood-loopback',
    about: 'the same over loopback, where only the processor is the limit',
    run: () => flooded(null),
  },
];
