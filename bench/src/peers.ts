/** Runs of other tools, each in a lab of its own like ours. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { differences, readTree, type TreeItem } from '../../scripts/dist/sample-tree.js';
import {
  type LabStats,
  type LinkOptions,
  openWanLab,
  type WanNode,
} from '../../tests/wan/dist/wan-lab.js';
import { openLoopbackNode } from './loopback-node.js';
import { bytesOf, emulatorCpu } from './measure-transfer.js';
import { withMemory } from './memory-reserve.js';
import { type Peer, type PeerPlaces, peerOf } from './peer-tools.js';
import { cpuSeconds, isListening } from './process-meter.js';

/** How `timeout` ends when it had to end its command, and when that took a second signal. */
const TIMEOUT_EXITS: readonly (number | null)[] = [124, 137];
const NOTHING = { bytes: 0, seconds: 0, goodputMbps: 0 };

/** One run of a peer. */
export interface PeerRun {
  readonly seconds: number;
  readonly goodputMbps: number;
  /** `cut off`: not the whole file in time, and bytes are those of the wire; `failed`: no figure. */
  readonly outcome: 'finished' | 'cut off' | 'failed';
  readonly bytes: number;
  /** Of client and server. */
  readonly cpuSeconds: number;
  /** Of the emulator, which does much of the receiving of TCP; 0 without one. */
  readonly emulatorCpu: number;
  /** IP bytes that entered the link; 0 without one. */
  readonly forwardBytes: number;
}

/** What to measure a peer with. */
export interface PeerOptions {
  readonly source: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  readonly workDirectory: string;
  /** Emulated link; loopback in a namespace of its own when null. */
  readonly link: LinkOptions | null;
  /** Seconds after which a run is cut off. */
  readonly capSeconds: number;
}

interface ClientResult {
  readonly exitCode: number | null;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly stdout: string;
}

/** Runs a client to its end; the shell around it tells what its children have used. */
async function runClient(
  node: WanNode,
  line: readonly string[],
  capSeconds: number,
): Promise<ClientResult> {
  const shell = '"$@"; rc=$?; cat /proc/$$/stat >&3; exit $rc';
  const capped = ['timeout', '-k', '2', `${capSeconds}`, ...line];
  const [command = '', ...args] = [...node.launcher, 'bash', '-c', shell, 'client', ...capped];
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
  let stdout = '';
  let stat = '';
  child.stdout?.on('data', (text: Buffer) => {
    stdout += text.toString();
  });
  child.stdio[3]?.on('data', (text: Buffer) => {
    stat += text.toString();
  });
  await once(child, 'exit');
  const seconds = (performance.now() - started) / 1000;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const used = (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / 100;
  return { exitCode: child.exitCode, seconds, cpuSeconds: used, stdout };
}

async function startPeerServer(
  node: WanNode,
  peer: Peer,
  places: PeerPlaces,
): Promise<ChildProcess> {
  const [command = '', ...args] = [...node.launcher, ...peer.server(places)];
  const child = spawn(command, args, { stdio: 'ignore' });
  for (let waited = 0; waited < 200; waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    if (child.exitCode !== null) throw new Error(`"${command} ${args.join(' ')}" ended at once`);
    if (child.pid !== undefined && isListening(child.pid, peer.port)) return child;
  }
  throw new Error(`"${args.join(' ')}" does not listen on port ${peer.port}`);
}

interface IperfSum {
  readonly bytes: number;
  readonly seconds: number;
  readonly lost_packets?: number;
  readonly packets?: number;
}

/** What iperf3 counted; null when its own control connection did not survive the link. */
function iperfResult(text: string, kind: 'udp' | 'tcp'): IperfSum | null {
  const { end, error } = JSON.parse(text) as {
    readonly end: { readonly sum?: IperfSum; readonly sum_received?: IperfSum };
    readonly error?: string;
  };
  const sum = kind === 'tcp' ? end.sum_received : end.sum;
  if (error !== undefined || sum === undefined || !(sum.seconds > 0)) return null;
  if (kind === 'tcp') return sum;
  const { bytes, seconds, lost_packets: lost = 0, packets = 1 } = sum;
  return { bytes: bytes * (1 - lost / packets), seconds };
}

/** CPU seconds of a server and of the children that it has not reaped. */
function serverCpu(child: ChildProcess): number {
  const pid = child.pid ?? 0;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return [pid, ...children.filter(Boolean).map(Number)].reduce(
    (sum, id) => sum + cpuSeconds(id),
    0,
  );
}

/** Where a peer's two ends run. */
interface Ground {
  readonly a: WanNode;
  readonly b: WanNode;
  stats(): Promise<LabStats>;
}

/** What an iperf3 run gives; the file tools are judged by the file. */
function countedRun(
  client: ClientResult,
  counts: 'udp' | 'tcp',
): Pick<PeerRun, 'bytes' | 'seconds' | 'goodputMbps' | 'outcome'> {
  const counted = client.exitCode === 0 ? iperfResult(client.stdout, counts) : null;
  if (counted === null) return { ...NOTHING, outcome: 'failed' };
  const { bytes, seconds } = counted;
  return { bytes, seconds, goodputMbps: (bytes * 8) / seconds / 1e6, outcome: 'finished' };
}

async function measureIn(ground: Ground, peer: Peer, options: PeerOptions): Promise<PeerRun> {
  const { workDirectory, source, items, capSeconds } = options;
  const target = join(workDirectory, 'target');
  const conf = join(workDirectory, 'peer');
  for (const path of [target, conf]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  const rateMbps = options.link?.rateMbps ?? Number.NaN;
  const places = { source, target, conf, rateMbps, a: ground.a.address, b: ground.b.address };
  const serverNode = peer.serverOn === 'a' ? ground.a : ground.b;
  const server = await startPeerServer(serverNode, peer, places);
  try {
    const clientNode = peer.serverOn === 'a' ? ground.b : ground.a;
    const emulatorBefore = emulatorCpu(await ground.stats());
    const client = await withMemory(workDirectory, bytesOf(items), () =>
      runClient(clientNode, peer.client(places), capSeconds),
    );
    const stats = await ground.stats();
    const forwardBytes = stats.get('ab.in_bytes') ?? 0;
    const shared = {
      cpuSeconds: client.cpuSeconds + serverCpu(server),
      emulatorCpu: emulatorCpu(stats) - emulatorBefore,
      forwardBytes,
    };
    if (peer.counts !== undefined) return { ...shared, ...countedRun(client, peer.counts) };
    const isEqual =
      client.exitCode === 0 && differences(items, await readTree(target)).length === 0;
    const outcome = isEqual
      ? 'finished'
      : TIMEOUT_EXITS.includes(client.exitCode)
        ? 'cut off'
        : 'failed';
    if (outcome === 'failed') return { ...shared, ...NOTHING, outcome };
    const total = bytesOf(items);
    const bytes = isEqual ? total : Math.min(total, forwardBytes);
    const { seconds } = client;
    return { ...shared, bytes, seconds, goodputMbps: (bytes * 8) / seconds / 1e6, outcome };
  } finally {
    server.kill('SIGTERM');
  }
}

/** Measures a peer once, with a link of its own. */
export async function measurePeer(name: string, options: PeerOptions): Promise<PeerRun> {
  const peer = peerOf(name);
  const { tcpCongestion } = peer;
  const ground =
    options.link === null
      ? openLoopbackNode(tcpCongestion)
      : await openWanLab({ ...options.link, tcpCongestion });
  try {
    return await measureIn(ground, peer, options);
  } finally {
    await ground.close();
    rmSync(join(options.workDirectory, 'target'), { recursive: true, force: true });
  }
}
