/**
 * One transfer between two real servers on loopback, with SIGKILL at either end at random moments:
 * every file must arrive equal, little may be sent twice, and new bytes must come soon.
 *
 * Usage: tests/soak/kill-transfer [--gb 1] [--kills 6] [--seed N] [--rate-mbps 500]
 *          [--checkpoint-seconds 1] [--first-byte-ms 1000] [--down-seconds-max 1.5]
 *          [--directory DIR]
 *
 * Prints one line per kill (side, time from the restarted server's ready line to the first new byte
 * in a part file) and the share that was sent again. The last line is "N passed, N failed"; the exit
 * code is 1 when anything failed. Needs twice the size in free disk space and removes all it made.
 */
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Api } from '@jetstream/client';
import { PERMISSIONS, type TransferStructure } from '@jetstream/contract';
import { differences, readTree, writeRandomFile } from '../../../scripts/dist/sample-tree.js';
import { connectTo } from '../../../scripts/dist/server-client.js';
import {
  LOOPBACK,
  logTail,
  type ServerProcess,
  startServer,
} from '../../../scripts/dist/server-process.js';
import { chances } from './chances.js';
import { firstNewByte } from './first-new-byte.js';

const FILES = 5;
const LOOK_INTERVAL_MS = 25;
const TRANSFER_SECONDS_MAX = 3600;
/** Re-sent bytes beyond one checkpoint interval per kill, as a share of the payload. */
const AGAIN_SHARE_MAX = 0.01;
/** A flow may run this much above its ceiling for a moment, so an interval may hold more. */
const RATE_SLACK = 1.1;

interface Plan {
  readonly totalBytes: number;
  readonly kills: number;
  readonly seed: number;
  readonly rateMbps: number;
  readonly checkpointSeconds: number;
  readonly firstByteMs: number;
  readonly downSecondsMax: number;
  readonly directory: string;
}

interface Scene {
  readonly plan: Plan;
  readonly source: string;
  readonly target: string;
  sender: ServerProcess;
  receiver: ServerProcess;
  api: Api;
}

interface Kill {
  readonly side: 'sender' | 'receiver';
  readonly firstByteMs: number;
  /** Bytes that the sender's counters lost with it. */
  readonly uncounted: number;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const readPlan = (): Plan => {
  const text = (initial: string) => ({ type: 'string', default: initial }) as const;
  const { values } = parseArgs({
    options: {
      gb: text('1'),
      kills: text('6'),
      seed: text(String(Date.now() % 1_000_000)),
      'rate-mbps': text('500'),
      'checkpoint-seconds': text('1'),
      'first-byte-ms': text('1000'),
      'down-seconds-max': text('1.5'),
      directory: text(tmpdir()),
    },
  });
  const number = (name: keyof typeof values): number => {
    const value = Number(values[name]);
    if (Number.isFinite(value) && value > 0) return value;
    throw new Error(`Cannot use --${name} ${values[name]}: expected a number above zero`);
  };
  const totalBytes = Math.round(number('gb') * 1e9);
  const { bavail, bsize } = statfsSync(values.directory);
  if (bavail * bsize < totalBytes * 2.2) {
    throw new Error(`Cannot run: ${values.directory} lacks room for twice ${values.gb} GB`);
  }
  return {
    totalBytes,
    kills: number('kills'),
    seed: number('seed'),
    rateMbps: number('rate-mbps'),
    checkpointSeconds: number('checkpoint-seconds'),
    firstByteMs: number('first-byte-ms'),
    downSecondsMax: number('down-seconds-max'),
    directory: values.directory,
  };
};

const sentBytes = (transfer: TransferStructure): number => transfer.blocksSent * transfer.blockSize;

const ackedBytes = (transfer: TransferStructure): number =>
  transfer.blocksAcked * transfer.blockSize;

/** Waits until so much is acknowledged; false when the transfer has ended before. */
const awaitAcked = async (scene: Scene, transferId: string, bytes: number): Promise<boolean> => {
  for (;;) {
    const transfer = await scene.api.send.getTransfer(transferId);
    if (!transfer.processing) return false;
    if (ackedBytes(transfer) >= bytes) return true;
    await pause(LOOK_INTERVAL_MS);
  }
};

const restart = (server: ServerProcess): Promise<ServerProcess> =>
  startServer({
    name: server.name,
    directory: server.directory,
    apiPort: server.ready.apiPort,
    recvPort: server.ready.recvPort,
  });

const killOnce = async (scene: Scene, transferId: string, chance: () => number): Promise<Kill> => {
  const side = chance() < 0.5 ? 'sender' : 'receiver';
  const before = sentBytes(await scene.api.send.getTransfer(transferId));
  await scene[side].kill();
  await pause(chance() * scene.plan.downSecondsMax * 1000);
  scene[side] = await restart(scene[side]);
  const firstByteMs = await firstNewByte(join(scene.target, 'tree'));
  if (side === 'receiver') return { side, firstByteMs, uncounted: 0 };
  await scene.api.close();
  scene.api = await connectTo(scene.sender);
  const after = sentBytes(await scene.api.send.getTransfer(transferId));
  return { side, firstByteMs, uncounted: Math.max(0, before - after) };
};

const order = async (scene: Scene): Promise<string> => {
  const { api, plan } = scene;
  const receiver = await connectTo(scene.receiver);
  const { token } = await receiver.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
  await receiver.close();
  const manifest = await api.send.createManifest({ mappings: { '/tree': scene.source } });
  await api.send.waitForManifest(manifest, { timeoutSeconds: 60 });
  const destination = await api.send.createDestination(LOOPBACK, {
    destinationPort: scene.receiver.ready.recvPort,
    destinationToken: token,
    sendRateMax: plan.rateMbps * 1000,
  });
  const { transferId } = await api.send.createTransfer(manifest, destination, {
    destinationPath: scene.target,
    checkpointFrequencySeconds: plan.checkpointSeconds,
  });
  return transferId;
};

const judge = (plan: Plan, kills: readonly Kill[], sent: number): string[] => {
  const again = sent + kills.reduce((sum, kill) => sum + kill.uncounted, 0) - plan.totalBytes;
  const intervalBytes = plan.checkpointSeconds * plan.rateMbps * 125_000 * RATE_SLACK;
  const allowed = kills.length * intervalBytes + AGAIN_SHARE_MAX * plan.totalBytes;
  const percent = (bytes: number): string => `${((bytes / plan.totalBytes) * 100).toFixed(2)} %`;
  say(`sent again: ${percent(again)} of the payload, allowed ${percent(allowed)}`);
  const faults = kills
    .filter((kill) => kill.firstByteMs > plan.firstByteMs)
    .map((kill) => `the first byte came ${kill.firstByteMs} ms after the ${kill.side} was back`);
  if (again > allowed) faults.push(`${percent(again)} was sent again`);
  if (kills.length < plan.kills) faults.push(`it ended after ${kills.length} kills`);
  return faults;
};

const run = async (scene: Scene): Promise<string[]> => {
  const { plan } = scene;
  const chance = chances(plan.seed);
  const transferId = await order(scene);
  const kills: Kill[] = [];
  for (let index = 0; index < plan.kills; index += 1) {
    const at = (plan.totalBytes * (index + chance())) / (plan.kills + 0.5);
    if (!(await awaitAcked(scene, transferId, at))) break;
    const kill = await killOnce(scene, transferId, chance);
    kills.push(kill);
    say(`kill ${index + 1}: ${kill.side}, first new byte after ${kill.firstByteMs} ms`);
  }
  const timeoutSeconds = TRANSFER_SECONDS_MAX;
  const done = await scene.api.send.waitForTransfer(transferId, { timeoutSeconds });
  if (done.status !== 'complete') return [`it ended with ${done.status}: ${done.errorMessage}`];
  const apart = differences(await readTree(scene.source), await readTree(`${scene.target}/tree`));
  return [...apart, ...judge(plan, kills, sentBytes(done))];
};

const main = async (): Promise<number> => {
  const plan = readPlan();
  say(`seed ${plan.seed}: ${plan.totalBytes / 1e9} GB, ${plan.kills} kills`);
  const base = mkdtempSync(join(plan.directory, 'jetstream-soak-'));
  try {
    const source = join(base, 'source');
    mkdirSync(source);
    for (let file = 0; file < FILES; file += 1) {
      const bytes = Math.ceil(plan.totalBytes / FILES);
      await writeRandomFile(join(source, `file-${file}`), bytes, plan.seed + file);
    }
    const sender = await startServer({ name: 'sender', directory: join(base, 'sender') });
    const receiver = await startServer({ name: 'receiver', directory: join(base, 'receiver') });
    const api = await connectTo(sender);
    const target = join(base, 'target');
    mkdirSync(target);
    const scene: Scene = { plan, source, target, sender, receiver, api };
    const faults = await run(scene);
    for (const fault of faults) say(`FAILED: ${fault}`);
    if (faults.length > 0) {
      for (const server of [scene.sender, scene.receiver]) {
        say(`--- log of ${server.name}\n${logTail(server.logPath)}`);
      }
    }
    await scene.api.close();
    await Promise.all([scene.sender.stop(5000), scene.receiver.stop(5000)]);
    return faults.length;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
};

const failed = await main();
say(`${failed === 0 ? 1 : 0} passed, ${failed === 0 ? 0 : 1} failed`);
process.exit(failed === 0 ? 0 : 1);
