/**
 * One file between two servers that UDP does not reach: over TLS streams to the control port, on
 * loopback and over an emulated link. On loopback another caller's `echo` at the receiver is timed
 * meanwhile.
 *
 * Usage: bench/tcp-fallback [--case loopback,continental] [--size-mb 300] [--runs 3]
 *                           [--peers rsync-bbr] [--data-dir /dev/shm] [--cpu-prof DIR] [--dry]
 *
 * The first transfer to a destination waits a few seconds for UDP; that is measured with a small file.
 * The large one follows, and is timed from `createTransfer` until the client knows that it is complete,
 * verified and durable. Links need root, cc and iproute2. Refuses unknown options.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TransferStructure } from '@jetstream/contract';
import {
  differences,
  readTree,
  type TreeItem,
  writeRandomFile,
} from '../../scripts/dist/sample-tree.js';
import { localKeyFile } from '../../scripts/dist/server-client.js';
import { LOOPBACK } from '../../scripts/dist/server-process.js';
import {
  openServerPair,
  prepareTransfer,
  requireComplete,
  type ServerPair,
} from '../../tests/wan/dist/server-pair.js';
import { openWanLab, type WanLab } from '../../tests/wan/dist/wan-lab.js';
import { EchoWatch } from './echo-watch.js';
import { measurePeer, type PeerRun } from './peers.js';
import { cpuSeconds } from './process-meter.js';
import { recordSection, type Verdict } from './results-file.js';
import { format, median, table } from './statistics.js';
import { describeLink, wanProfile } from './wan-profiles.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

/** Nobody listens there, so what is sent there is never answered. */
const DEAD_UDP_PORT = 9;
const ECHO_TARGET_MS = 50;
/** What the best TCP tool reaches over this link is about 400; a fallback may stay somewhat below. */
const TARGETS_MBPS: Readonly<Record<string, number>> = { continental: 300 };
const PEER_SECONDS_MAX = 120;
const TRANSFER_SECONDS_MAX = 300;

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: 'loopback,continental' },
    'size-mb': { type: 'string', default: '300' },
    runs: { type: 'string', default: '3' },
    peers: { type: 'string', default: '' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    'cpu-prof': { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

interface Work {
  readonly directory: string;
  readonly source: string;
  readonly small: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  readonly bytes: number;
  readonly runs: number;
}

interface Run {
  readonly firstContactSeconds: number;
  readonly seconds: number;
  readonly goodputMbps: number;
  readonly cpuPerGb: number;
  /** Of `echo` meanwhile; null where no one called. */
  readonly echoMedianMs: number | null;
  readonly echoP99Ms: number | null;
  readonly wirePerPayload: number | null;
  readonly reason: string;
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** @returns Seconds from the request to the end. */
async function send(
  pair: ServerPair,
  wanted: { source: string; target: string },
): Promise<{ seconds: number; transfer: TransferStructure }> {
  const { start } = await prepareTransfer(pair, {
    ...wanted,
    name: 'tree',
    udpPort: DEAD_UDP_PORT,
  });
  const started = performance.now();
  const { transferId } = await start();
  const transfer = await pair.sender.api.send.waitForTransfer(transferId, {
    timeoutSeconds: TRANSFER_SECONDS_MAX,
  });
  const seconds = (performance.now() - started) / 1000;
  requireComplete(transfer);
  if (transfer.path !== 'tcp') throw new Error(`The path was "${transfer.path}", expected "tcp"`);
  return { seconds, transfer };
}

function cpuOf({ sender, receiver }: ServerPair): number {
  return cpuSeconds(sender.server.ready.pid) + cpuSeconds(receiver.server.ready.pid);
}

async function measureIn(pair: ServerPair, lab: WanLab | null, work: Work): Promise<Run> {
  const target = join(work.directory, 'target');
  const first = await send(pair, { source: work.small, target: join(target, 'small') });
  const { server } = pair.receiver;
  const echo =
    lab !== null
      ? null
      : new EchoWatch({
          host: LOOPBACK,
          port: server.ready.apiPort,
          localKeyFile: localKeyFile(server),
        });
  const cpuBefore = cpuOf(pair);
  const bytesBefore = (await lab?.stats())?.get('ab.in_bytes') ?? 0;
  await echo?.take();
  const { seconds, transfer } = await send(pair, { source: work.source, target });
  const latencies = (await echo?.take())?.sort((a, b) => a - b) ?? null;
  await echo?.stop();
  const wire = ((await lab?.stats())?.get('ab.in_bytes') ?? 0) - bytesBefore;
  const cpu = cpuOf(pair) - cpuBefore;
  const found = differences(work.items, await readTree(join(target, 'tree')));
  if (found.length > 0) throw new Error(`${found.length} differences, first: ${found[0]}`);
  return {
    firstContactSeconds: first.seconds,
    seconds,
    goodputMbps: (work.bytes * 8) / seconds / 1e6,
    cpuPerGb: cpu / (work.bytes / 1e9),
    echoMedianMs: latencies === null ? null : percentile(latencies, 0.5),
    echoP99Ms: latencies === null ? null : percentile(latencies, 0.99),
    wirePerPayload: lab === null ? null : wire / work.bytes,
    reason: transfer.pathReason ?? '',
  };
}

async function measure(name: string, work: Work): Promise<Run> {
  const lab = name === 'loopback' ? null : await openWanLab(wanProfile(name).link);
  const profile = values['cpu-prof'];
  const servers = join(work.directory, 'servers');
  for (const path of [servers, join(work.directory, 'target')]) {
    rmSync(path, { recursive: true, force: true });
  }
  mkdirSync(servers);
  try {
    const pair = await openServerPair({
      directory: servers,
      lab,
      // The control port has to be open to the other end of the link.
      ...(lab === null ? {} : { flags: ['--api-host=0.0.0.0'] }),
      ...(profile === undefined ? {} : { nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${profile}`] }),
    });
    try {
      return await measureIn(pair, lab, work);
    } finally {
      await pair.stop();
    }
  } finally {
    await lab?.close();
  }
}

const medianOf = (runs: readonly Run[], pick: (run: Run) => number | null): number =>
  median(runs.map(pick).filter((value) => value !== null));

function verdicts(name: string, runs: readonly Run[]): Verdict[] {
  const goodput = medianOf(runs, (run) => run.goodputMbps);
  const target = TARGETS_MBPS[name];
  if (target !== undefined) {
    return [
      {
        what: `TCP fallback, ${name}, one ${values['size-mb']} MB file`,
        target: `>= ${target} Mbit/s`,
        measured: `${format(goodput)} Mbit/s`,
        met: goodput >= target,
      },
    ];
  }
  const echo = medianOf(runs, (run) => run.echoP99Ms);
  return [
    {
      what: `TCP fallback, ${name}: echo of another caller meanwhile, 99 %`,
      target: `< ${ECHO_TARGET_MS} ms`,
      measured: `${format(echo, 1)} ms at ${format(goodput)} Mbit/s`,
      met: echo < ECHO_TARGET_MS,
    },
  ];
}

const runTable = (runs: readonly Run[]): string =>
  table(
    [
      ['run', (run) => `${runs.indexOf(run) + 1}`],
      ['seconds', (run) => format(run.seconds, 2)],
      ['Mbit/s', (run) => format(run.goodputMbps)],
      ['first contact, s', (run) => format(run.firstContactSeconds, 2)],
      ['CPU s/GB', (run) => format(run.cpuPerGb, 2)],
      ['wire/payload', (run) => format(run.wirePerPayload, 3)],
      ['echo ms, median', (run) => format(run.echoMedianMs, 1)],
      ['99 %', (run) => format(run.echoP99Ms, 1)],
    ],
    runs,
  );

async function measurePeers(name: string, work: Work): Promise<string[]> {
  const lines: string[] = [];
  for (const peer of values.peers.split(',').filter(Boolean)) {
    if (name === 'loopback') continue;
    const results: PeerRun[] = [];
    for (let run = 0; run < work.runs; run += 1) {
      const workDirectory = work.directory;
      const { link } = wanProfile(name);
      const { source, items } = work;
      const options = { source, items, workDirectory, link, capSeconds: PEER_SECONDS_MAX };
      results.push(await measurePeer(peer, options));
    }
    const rates = results.map((result) => result.goodputMbps);
    const all = rates.map((rate) => format(rate)).join(', ');
    lines.push(`- ${peer}: ${format(median(rates))} Mbit/s (${all})`);
  }
  return lines;
}

async function bench(name: string, work: Work): Promise<void> {
  const runs: Run[] = [];
  for (let index = 0; index < work.runs; index += 1) {
    const run = await measure(name, work);
    runs.push(run);
    note(`${name}: ${format(run.goodputMbps)} Mbit/s; ${run.reason}`);
  }
  const peers = await measurePeers(name, work);
  const reason = `Path of the last run: ${runs.at(-1)?.reason ?? ''}.`;
  const body = [runTable(runs), '', reason, ...(peers.length > 0 ? ['', ...peers] : [])].join('\n');
  process.stdout.write(`${body}\n`);
  if (values.dry) return;
  const link = name === 'loopback' ? 'loopback' : describeLink(wanProfile(name).link);
  const size = values['size-mb'];
  recordSection({
    id: `6 tcp-fallback ${name}`,
    title: `Over TCP where UDP does not pass, ${name}, one ${size} MB file`,
    settings: `\`bench/tcp-fallback --case ${name} --size-mb ${size}\`; ${link}; data in ${values['data-dir']}, both servers on the same cores.`,
    verdicts: verdicts(name, runs),
    body,
  });
}

await runMain(async () => {
  const sizeMb = countOf('size-mb', values['size-mb']);
  const runs = countOf('runs', values.runs);
  const directory = await openWorkplace(values['data-dir']);
  const source = join(directory, 'source');
  const small = join(directory, 'small');
  for (const path of [source, small]) mkdirSync(path);
  await writeRandomFile(join(source, 'big.bin'), sizeMb * 1e6, 1);
  await writeRandomFile(join(small, 'small.bin'), 1000, 2);
  const items = await readTree(source);
  const bytes = sizeMb * 1e6;
  for (const name of values.case.split(',')) {
    await bench(name, { directory, source, small, items, bytes, runs });
  }
});
