/** Cases in which a firewall drops UDP: the same transfer arrives over TLS streams, and says why. */
import { execFileSync } from 'node:child_process';
import type { TransferStructure } from '@jetstream/contract';
import {
  awaitEqual,
  CannotRun,
  type Scene,
  secondsOf,
  sleep,
  startTransfer,
  type WanCase,
  withLab,
  withScene,
} from './wan-case.js';
import type { WanLab, WanNode } from './wan-lab.js';

const LINK = { rttMs: 60, rateMbps: 50, lossPercent: 0.1, queueMs: 100 };
const BIG_FILE_BYTES = 24 * 1024 * 1024;
const CUT_AFTER_BYTES = 5 * 1024 * 1024;
const DURABLE_MS_MAX = 30_000;
const TRANSFER_SECONDS_MAX = 120;
const LOOK_INTERVAL_MS = 50;
/** The control port has to be open to the other end of the link. */
const REACHABLE = ['--api-host=0.0.0.0'];
const REASON = /^no answer over UDP from .+; (\d+) TLS streams to port \d+ \(\w+\)$/;
const STREAMS_MIN = 2;

const runIn = ({ launcher }: WanNode, ...words: string[]): string => {
  const [command = '', ...args] = launcher;
  return execFileSync(command, [...args, ...words], { encoding: 'utf8' });
};

/** Drops everything over UDP that reaches the receiver's end. */
function blockUdp({ b }: WanLab): void {
  try {
    execFileSync('nft', ['--version'], { stdio: 'ignore' });
  } catch {
    throw new CannotRun('it needs the command "nft"');
  }
  runIn(b, 'nft', 'add', 'table', 'inet', 'blocked');
  runIn(b, 'nft', 'add chain inet blocked arriving { type filter hook input priority 0 ; }');
  runIn(b, 'nft', 'add rule inet blocked arriving meta l4proto udp drop');
}

/** TCP connections of the sender to the receiver's control port, as its kernel counts them. */
const streamsOf = ({ a }: WanLab, { pair }: Scene): number => {
  const port = String(pair.receiver.server.ready.apiPort);
  const filter = ['state', 'established', 'dst', `${pair.receiverAddress}:${port}`];
  return runIn(a, 'ss', '-Htn', ...filter)
    .split('\n')
    .filter(Boolean).length;
};

/** Waits until a transfer goes over TCP. @returns How many connections carry it. */
async function awaitStreams(lab: WanLab, scene: Scene, transferId: string): Promise<number> {
  const deadline = performance.now() + DURABLE_MS_MAX;
  while (performance.now() < deadline) {
    const { path } = await scene.pair.sender.api.send.getTransfer(transferId);
    if (path === 'tcp') return streamsOf(lab, scene);
    await sleep(LOOK_INTERVAL_MS);
  }
  throw new Error('The transfer did not go over to TCP within 30 s');
}

async function endOverTcp(lab: WanLab, scene: Scene, transferId: string): Promise<string> {
  const streams = await awaitStreams(lab, scene, transferId);
  const done: TransferStructure = await awaitEqual(scene, transferId, TRANSFER_SECONDS_MAX);
  const { path, pathReason, totalBytes } = done;
  if (path !== 'tcp') throw new Error(`The path was "${path}", expected "tcp"`);
  const told = Number(REASON.exec(pathReason ?? '')?.[1] ?? 0);
  if (told < STREAMS_MIN || streams < told) {
    throw new Error(
      `It named "${pathReason}" with ${streams} connections, expected several streams`,
    );
  }
  const megabytes = ((totalBytes ?? 0) / 1e6).toFixed(1);
  return `${megabytes} MB in ${secondsOf(done).toFixed(1)} s; ${pathReason}`;
}

async function fromTheStart(lab: WanLab, scene: Scene): Promise<string> {
  blockUdp(lab);
  return endOverTcp(lab, scene, (await startTransfer(scene)).transferId);
}

async function inTheMiddle(lab: WanLab, scene: Scene): Promise<string> {
  const { send } = scene.pair.sender.api;
  const { transferId } = await startTransfer(scene);
  const deadline = performance.now() + DURABLE_MS_MAX;
  for (;;) {
    const { bytesDurable, processing, path } = await send.getTransfer(transferId);
    if (!processing) throw new Error('The transfer ended before UDP was blocked');
    if (path === 'tcp') throw new Error('The transfer went over TCP although UDP passed');
    if (bytesDurable >= CUT_AFTER_BYTES) break;
    if (performance.now() > deadline) throw new Error('Too little became durable in 30 s');
    await sleep(LOOK_INTERVAL_MS);
  }
  blockUdp(lab);
  return endOverTcp(lab, scene, transferId);
}

const blocked = (act: (lab: WanLab, scene: Scene) => Promise<string>): Promise<string> =>
  withLab(LINK, (lab) =>
    withScene(lab, { bigFileBytes: BIG_FILE_BYTES, flags: REACHABLE }, (scene) => act(lab, scene)),
  );

export const blockedCases: readonly WanCase[] = [
  {
    name: 'udp-blocked',
    about: 'UDP is dropped from the start: several TLS streams, and the reason is shown',
    smoke: true,
    run: () => blocked(fromTheStart),
  },
  {
    name: 'udp-blocked-later',
    about: 'UDP is dropped from the middle on',
    run: () => blocked(inTheMiddle),
  },
];
