/** What a named case of `tests/wan/run` is, and what most of them are made of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TransferStructure } from '@jetstream/contract';
import { differences, makeSampleTree, readTree } from '../../../scripts/dist/sample-tree.js';
import { logTail } from '../../../scripts/dist/server-process.js';
import {
  openServerPair,
  prepareTransfer,
  requireComplete,
  type ServerPair,
} from './server-pair.js';
import { type LinkOptions, openWanLab, type WanLab } from './wan-lab.js';

/** One case. */
export interface WanCase {
  readonly name: string;
  readonly about: string;
  /** Part of the subset that runs for every change. */
  readonly smoke?: boolean;
  /** @returns What was measured, in a few words. */
  run(): Promise<string>;
}

/** This machine cannot run a case; it counts as skipped, not as failed. */
export class CannotRun extends Error {}

/** A tree that is on its way between two servers. */
export interface Scene {
  readonly pair: ServerPair;
  readonly directory: string;
  readonly source: string;
  readonly target: string;
}

/** What a scene is made of. */
export interface SceneOptions {
  readonly bigFileBytes: number;
  /** Default 20. */
  readonly smallFileCount?: number;
  /** Directory at the receiver; one beside the source when absent. */
  readonly target?: string;
  readonly flags?: readonly string[];
}

const TREE_NAME = 'tree';
const SMALL_FILES = 20;

/** Runs `act` with a fresh directory. */
export async function withDirectory<T>(act: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'jetstream-wan-'));
  try {
    return await act(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs `act` with a fresh lab. */
export async function withLab<T>(link: LinkOptions, act: (lab: WanLab) => Promise<T>): Promise<T> {
  const lab = await openWanLab(link);
  try {
    return await act(lab);
  } finally {
    await lab.close();
  }
}

/** Runs `act` with two servers, and a tree at the sender. */
export function withScene<T>(
  lab: Pick<WanLab, 'a' | 'b'> | null,
  options: SceneOptions,
  act: (scene: Scene) => Promise<T>,
): Promise<T> {
  return withDirectory(async (directory) => {
    const source = join(directory, 'source');
    const { bigFileBytes, smallFileCount = SMALL_FILES, flags } = options;
    await makeSampleTree(source, { bigFileBytes, smallFileCount });
    const pair = await openServerPair({
      directory,
      lab,
      ...(flags === undefined ? {} : { flags }),
    });
    try {
      const target = options.target ?? join(directory, 'target');
      return await act({ pair, directory, source, target });
    } catch (error) {
      for (const { server } of [pair.sender, pair.receiver]) {
        process.stdout.write(`--- log of ${server.name}\n${logTail(server.logPath)}\n`);
      }
      throw error;
    } finally {
      await pair.stop();
    }
  });
}

/** Orders the transfer of the tree. */
export async function startTransfer({ pair, source, target }: Scene): Promise<TransferStructure> {
  const wanted = { source, target, name: TREE_NAME, checkpointSeconds: 1 };
  return (await prepareTransfer(pair, wanted)).start();
}

/** Waits for the end and compares both trees. @throws {Error} If anything differs. */
export async function awaitEqual(
  scene: Scene,
  transferId: string,
  timeoutSeconds: number,
): Promise<TransferStructure> {
  const { pair, source, target } = scene;
  const done = await pair.sender.api.send.waitForTransfer(transferId, { timeoutSeconds });
  requireComplete(done);
  const found = differences(await readTree(source), await readTree(join(target, TREE_NAME)));
  if (found.length > 0) throw new Error(`${found.length} differences, first: ${found[0]}`);
  return done;
}

/** Waits until so much of a transfer has left the sender. */
export async function awaitSent(scene: Scene, transferId: string, bytes: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const { bytesSent, processing, status } =
      await scene.pair.sender.api.send.getTransfer(transferId);
    if (bytesSent >= bytes) return;
    if (!processing) throw new Error(`The transfer ended with "${status}" too early`);
    await sleep(20);
  }
  throw new Error(`Less than ${bytes} bytes were sent within 60 s`);
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

export const secondsOf = ({ startTime, endTime }: TransferStructure): number =>
  ((endTime ?? 0) - (startTime ?? 0)) / 1e6;

/** Bytes that one of the blocks stands for which the API counts content in. */
const BLOCK_BYTES = 256;

/** Content sent more than once, as a share of all; headers are no part of it. */
export const resentShare = ({ blocksSent, totalBytes }: TransferStructure): number =>
  Math.max(0, (blocksSent * BLOCK_BYTES) / Math.max(1, totalBytes ?? 0) - 1);

/** @returns "24.1 MB in 3.20 s, 1.2 % of it sent again". */
export const describeTransfer = (done: TransferStructure): string => {
  const megabytes = ((done.totalBytes ?? 0) / 1e6).toFixed(1);
  const resent = (resentShare(done) * 100).toFixed(1);
  return `${megabytes} MB in ${secondsOf(done).toFixed(2)} s, ${resent} % of it sent again`;
};
