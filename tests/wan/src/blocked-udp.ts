/**
 * Transfers over a long-distance link whose firewall drops UDP, from the start and from the middle on:
 * every file must arrive equal, over TCP.
 *
 * Usage: tests/wan/blocked-udp
 *
 * The last line is "N passed, N failed"; the exit code is 1 when anything failed, and 77 when this
 * machine cannot run it (root, network namespaces, nft). Refuses arguments. Leaves no namespace,
 * process or file behind.
 */
import { execFileSync } from 'node:child_process';
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
import { labObstacle, openWanLab, type WanLab } from './wan-lab.js';

const LINK = { rttMs: 60, rateMbps: 50, lossPercent: 0.1, queueMs: 100 };
const BIG_FILE_BYTES = 40 * 1024 * 1024;
const SMALL_FILE_COUNT = 200;
const CUT_AFTER_BYTES = 8 * 1024 * 1024;
const DURABLE_MS_MAX = 30_000;
const TRANSFER_SECONDS_MAX = 120;
const LOOK_INTERVAL_MS = 50;
const EXIT_SKIPPED = 77;
/** The control port has to be open to the other end of the link. */
const REACHABLE = ['--api-host=0.0.0.0'];

interface Scene {
  readonly lab: WanLab;
  readonly pair: ServerPair;
  readonly source: string;
  readonly target: string;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function obstacle(): string | null {
  const found = labObstacle();
  if (found !== null) return found;
  try {
    execFileSync('nft', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'it needs the command "nft"';
  }
}

/** Drops everything over UDP that reaches the receiver's end. */
function blockUdp({ b }: WanLab): void {
  const [command = '', ...args] = b.launcher;
  const nft = (...words: string[]): void => {
    execFileSync(command, [...args, 'nft', ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  nft('add', 'table', 'inet', 'blocked');
  nft('add chain inet blocked arriving { type filter hook input priority 0 ; }');
  nft('add rule inet blocked arriving meta l4proto udp drop');
}

/** Runs `act` with two fresh servers at the ends of a fresh link. */
async function withScene<T>(act: (scene: Scene) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'jetstream-blocked-'));
  try {
    const source = join(directory, 'source');
    const tree = { bigFileBytes: BIG_FILE_BYTES, smallFileCount: SMALL_FILE_COUNT };
    await makeSampleTree(source, tree);
    const lab = await openWanLab(LINK);
    try {
      const pair = await openServerPair({ directory, lab, flags: REACHABLE });
      try {
        return await act({ lab, pair, source, target: join(directory, 'target') });
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

async function awaitEqual(scene: Scene, transferId: string): Promise<TransferStructure> {
  const { pair, source, target } = scene;
  const done = await pair.sender.api.send.waitForTransfer(transferId, {
    timeoutSeconds: TRANSFER_SECONDS_MAX,
  });
  requireComplete(done);
  const found = differences(await readTree(source), await readTree(join(target, 'tree')));
  if (found.length > 0) throw new Error(`${found.length} differences, first: ${found[0]}`);
  if (done.path !== 'tcp') throw new Error(`The path was "${done.path}", expected "tcp"`);
  return done;
}

const order = async ({ pair, source, target }: Scene): Promise<string> => {
  const wanted = { source, target, name: 'tree', checkpointSeconds: 0.5 };
  return (await (await prepareTransfer(pair, wanted)).start()).transferId;
};

const describe = ({ requestTime, endTime, totalBytes, pathReason }: TransferStructure): string =>
  `${((totalBytes ?? 0) / 1e6).toFixed(1)} MB in ${(((endTime ?? 0) - requestTime) / 1e6).toFixed(1)} s; ${pathReason}`;

const blockedFromTheStart = (): Promise<string> =>
  withScene(async (scene) => {
    blockUdp(scene.lab);
    return describe(await awaitEqual(scene, await order(scene)));
  });

const blockedInTheMiddle = (): Promise<string> =>
  withScene(async (scene) => {
    const { send } = scene.pair.sender.api;
    const transferId = await order(scene);
    const deadline = performance.now() + DURABLE_MS_MAX;
    for (;;) {
      const { bytesDurable, processing, path } = await send.getTransfer(transferId);
      if (!processing) throw new Error('The transfer ended before UDP was blocked');
      if (path === 'tcp') throw new Error('The transfer went over TCP although UDP passed');
      if (bytesDurable >= CUT_AFTER_BYTES) break;
      if (performance.now() > deadline) throw new Error('Too little became durable in 30 s');
      await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
    }
    blockUdp(scene.lab);
    return describe(await awaitEqual(scene, transferId));
  });

const CASES: readonly (readonly [string, () => Promise<string>])[] = [
  ['a tree arrives over 50 Mbit/s, 60 ms, 0.1 % loss, without UDP', blockedFromTheStart],
  ['it arrives although UDP is blocked in the middle', blockedInTheMiddle],
];

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    say(`Cannot run: arguments "${args.join(' ')}", expected none`);
    return 2;
  }
  const missing = obstacle();
  if (missing !== null) {
    say(`!!! SKIPPED: blocked UDP: ${missing}`);
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
