/**
 * Transfers between two servers over a lossy long-distance link, with a receiver that is killed in
 * the middle: every file must arrive equal.
 *
 * Usage: tests/wan/lossy-transfer
 *
 * The last line is "N passed, N failed"; the exit code is 1 when anything failed, and 77 when this
 * machine cannot run it. Refuses arguments. Leaves no namespace, process or file behind.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import type { TransferStructure } from '@jetstream/contract';
import { differences, makeSampleTree, readTree } from '../../../scripts/dist/sample-tree.js';
import { logTail } from '../../../scripts/dist/server-process.js';
import {
  openServerPair,
  prepareTransfer,
  requireComplete,
  type ServerPair,
} from './server-pair.js';
import { labObstacle, openWanLab } from './wan-lab.js';

const LINK = { rttMs: 50, rateMbps: 100, lossPercent: 1, queueMs: 100 };
const BIG_FILE_BYTES = 24 * 1024 * 1024;
const SMALL_FILE_COUNT = 300;
/** A third of the tree: the crash comes while most of it is still missing. */
const CRASH_AFTER_BYTES = 8 * 1024 * 1024;
const CHECKPOINT_SECONDS = 0.5;
const DURABLE_MS_MAX = 30_000;
const TRANSFER_SECONDS_MAX = 60;
const LOOK_INTERVAL_MS = 20;
const EXIT_SKIPPED = 77;

interface Scene {
  readonly pair: ServerPair;
  readonly source: string;
  readonly target: string;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Runs `act` with two fresh servers at the ends of a fresh link. */
async function withScene<T>(act: (scene: Scene) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'jetstream-wan-'));
  try {
    const source = join(directory, 'source');
    await makeSampleTree(source, {
      bigFileBytes: BIG_FILE_BYTES,
      smallFileCount: SMALL_FILE_COUNT,
    });
    const lab = await openWanLab(LINK);
    try {
      const pair = await openServerPair({ directory, lab });
      try {
        return await act({ pair, source, target: join(directory, 'target') });
      } catch (error) {
        for (const { server } of [pair.sender, pair.receiver]) {
          say(`--- log of ${server.name}\n${logTail(server.logPath)}`);
        }
        throw error;
      } finally {
        await pair.stop();
      }
    } finally {
      await lab.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const order = async ({ pair, source, target }: Scene): Promise<TransferStructure> => {
  const wanted = { source, target, name: 'tree', checkpointSeconds: CHECKPOINT_SECONDS };
  return (await prepareTransfer(pair, wanted)).start();
};

async function awaitEqual(scene: Scene, transferId: string): Promise<TransferStructure> {
  const { pair, source, target } = scene;
  const done = await pair.sender.api.send.waitForTransfer(transferId, {
    timeoutSeconds: TRANSFER_SECONDS_MAX,
  });
  requireComplete(done);
  const found = differences(await readTree(source), await readTree(join(target, 'tree')));
  if (found.length > 0) throw new Error(`${found.length} differences, first: ${found[0]}`);
  return done;
}

async function awaitDurable(sender: Api, transferId: string): Promise<number> {
  const deadline = performance.now() + DURABLE_MS_MAX;
  while (performance.now() < deadline) {
    const { bytesDurable, processing, status } = await sender.send.getTransfer(transferId);
    if (!processing) throw new Error(`The transfer ended with "${status}" before the crash`);
    if (bytesDurable >= CRASH_AFTER_BYTES) return bytesDurable;
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
  throw new Error(`Less than ${CRASH_AFTER_BYTES} bytes became durable in ${DURABLE_MS_MAX} ms`);
}

const describeRate = ({ totalBytes, startTime, endTime }: TransferStructure): string => {
  const seconds = ((endTime ?? 0) - (startTime ?? 0)) / 1e6;
  return `${((totalBytes ?? 0) / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s`;
};

const deliversEveryFile = (): Promise<string> =>
  withScene(async (scene) => {
    const { transferId } = await order(scene);
    return describeRate(await awaitEqual(scene, transferId));
  });

const survivesAKilledReceiver = (): Promise<string> =>
  withScene(async (scene) => {
    const { pair } = scene;
    const { transferId } = await order(scene);
    const durable = await awaitDurable(pair.sender.api, transferId);
    await pair.receiver.kill();
    await pair.restartReceiver();
    const done = await awaitEqual(scene, transferId);
    // What was durable may not cross the link again; loss and one checkpoint interval may.
    const limit = 2 * (done.totalBytes ?? 0) - durable / 2;
    if (done.bytesSent > limit) {
      throw new Error(`${done.bytesSent} bytes were sent, expected at most ${Math.round(limit)}`);
    }
    return `${describeRate(done)}, killed with ${(durable / 1e6).toFixed(1)} MB durable`;
  });

const CASES: readonly (readonly [string, () => Promise<string>])[] = [
  ['a tree arrives over 100 Mbit/s, 50 ms, 1 % loss', deliversEveryFile],
  ['it arrives although the receiver is killed in the middle', survivesAKilledReceiver],
];

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    say(`Cannot run: arguments "${args.join(' ')}", expected none`);
    return 2;
  }
  const obstacle = labObstacle();
  if (obstacle !== null) {
    say(`!!! SKIPPED: lossy WAN: ${obstacle}`);
    return EXIT_SKIPPED;
  }
  let failed = 0;
  for (const [name, run] of CASES) {
    try {
      say(`ok      ${name} (${await run()})`);
    } catch (error) {
      failed += 1;
      say(`FAILED  ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  say(`${CASES.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
