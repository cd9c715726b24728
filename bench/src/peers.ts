/**
 * Other tools over the same link, as far as they are installed. Each runs in a lab of its own like
 * we do; where TCP carries the data, its congestion control is set explicitly.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { differences, readTree, type TreeItem } from '../../scripts/dist/sample-tree.js';
import {
  type LinkOptions,
  openWanLab,
  type WanLab,
  type WanNode,
} from '../../tests/wan/dist/wan-lab.js';
import { cpuSeconds, isListening } from './process-meter.js';

/** What a peer's command lines are made of. */
interface PeerPlaces {
  readonly source: string;
  readonly target: string;
  readonly conf: string;
  readonly rateMbps: number;
  readonly a: string;
  readonly b: string;
}

/** A tool: node a holds the file, node b wants it. */
interface Peer {
  readonly programs: readonly string[];
  readonly tcpCongestion: 'cubic' | 'bbr';
  readonly serverOn: 'a' | 'b';
  readonly port: number;
  server(places: PeerPlaces): readonly string[];
  client(places: PeerPlaces): readonly string[];
  /** iperf3 moves no file: its own count is the result. */
  readonly counts?: 'udp' | 'tcp';
}

const FILE = 'big.bin';
const IPERF_SECONDS = 10;
/** How `timeout` ends when it had to end its command. */
const TIMEOUT_EXIT = 124;
const NOTHING = { bytes: 0, seconds: 0, goodputMbps: 0 };
/** Payload and IP bytes of iperf3's datagrams; 99 % of the link is offered. */
const IPERF_DATAGRAM = 1448;
const IPERF_PACKET = 1476;

const iperf = (tcpCongestion: 'cubic' | 'bbr', streams: number): Peer => ({
  programs: ['iperf3'],
  tcpCongestion,
  serverOn: 'b',
  port: 5201,
  counts: 'tcp',
  server: () => ['iperf3', '-s'],
  client: ({ b }) => ['iperf3', '-J', '-c', b, '-P', `${streams}`, '-t', `${IPERF_SECONDS}`],
});

const iperfUdp: Peer = {
  ...iperf('cubic', 1),
  counts: 'udp',
  client: ({ b, rateMbps }) => {
    const offered = (rateMbps * 0.99 * IPERF_DATAGRAM) / IPERF_PACKET;
    const load = ['-b', `${offered}M`, '-l', `${IPERF_DATAGRAM}`, '-w', '4M'];
    return ['iperf3', '-J', '-c', b, '-u', ...load, '-t', `${IPERF_SECONDS}`];
  },
};

const rsync = (tcpCongestion: 'cubic' | 'bbr'): Peer => ({
  programs: ['rsync'],
  tcpCongestion,
  serverOn: 'b',
  port: 873,
  server: ({ conf, target }) => {
    const file = join(conf, 'rsyncd.conf');
    const text = `use chroot = no\nuid = root\ngid = root\n[dst]\npath = ${target}\nread only = no\n`;
    writeFileSync(file, text);
    return [
      'rsync',
      '--daemon',
      '--no-detach',
      `--config=${file}`,
      `--log-file=${conf}/rsyncd.log`,
    ];
  },
  client: ({ source, b }) => ['rsync', '-rW', '--inplace', `${source}/`, `rsync://${b}/dst/`],
});

const aria2 = (tcpCongestion: 'cubic' | 'bbr'): Peer => ({
  programs: ['aria2c', 'nginx'],
  tcpCongestion,
  serverOn: 'a',
  port: 8080,
  server: ({ conf, source }) => {
    const file = join(conf, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const paths = temporary.map((name) => `${name}_temp_path ${conf}/${name};`).join(' ');
    writeFileSync(
      file,
      `daemon off; user root; pid ${conf}/nginx.pid; worker_processes 1;\n` +
        `error_log ${conf}/nginx.err; events { worker_connections 1024; }\n` +
        `http { access_log off; sendfile on; tcp_nopush on; ${paths}\n` +
        `server { listen 8080 backlog=1024; root ${source}; } }\n`,
    );
    return ['nginx', '-e', `${conf}/nginx.err`, '-c', file];
  },
  client: ({ a, target }) => {
    const split = ['-x16', '-s16', '-k1M', '--file-allocation=none', '--auto-save-interval=0'];
    return [
      'aria2c',
      '--no-conf',
      '-q',
      ...split,
      '-d',
      target,
      '-o',
      FILE,
      `http://${a}:8080/${FILE}`,
    ];
  },
});

/** All tools that we know to run. */
export const PEERS: ReadonlyMap<string, Peer> = new Map([
  ['iperf-udp', iperfUdp],
  ['iperf-cubic-1', iperf('cubic', 1)],
  ['iperf-bbr-1', iperf('bbr', 1)],
  ['iperf-bbr-8', iperf('bbr', 8)],
  ['rsync-cubic', rsync('cubic')],
  ['rsync-bbr', rsync('bbr')],
  ['aria2-cubic', aria2('cubic')],
  ['aria2-bbr', aria2('bbr')],
]);

/** Which programs of a peer are missing here. */
export function missingPrograms(name: string): string[] {
  const peer = PEERS.get(name);
  if (peer === undefined) {
    throw new Error(`Cannot run peer "${name}", expected one of ${[...PEERS.keys()].join(', ')}`);
  }
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return peer.programs.filter(
    (program) =>
      !directories.some((directory) => {
        try {
          accessSync(join(directory, program), constants.X_OK);
          return true;
        } catch {
          return false;
        }
      }),
  );
}

/** One run of a peer. */
export interface PeerRun {
  readonly seconds: number;
  readonly goodputMbps: number;
  /** `cut off`: not the whole file in time, and bytes are those of the wire; `failed`: no figure. */
  readonly outcome: 'finished' | 'cut off' | 'failed';
  readonly bytes: number;
  readonly cpuSeconds: number;
  readonly forwardBytes: number;
}

/** What to measure a peer with. */
export interface PeerOptions {
  readonly source: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  readonly workDirectory: string;
  readonly link: LinkOptions;
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

async function measureIn(lab: WanLab, peer: Peer, options: PeerOptions): Promise<PeerRun> {
  const { workDirectory, source, items, capSeconds } = options;
  const target = join(workDirectory, 'target');
  const conf = join(workDirectory, 'peer');
  for (const path of [target, conf]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  const { rateMbps } = options.link;
  const places = { source, target, conf, rateMbps, a: lab.a.address, b: lab.b.address };
  const serverNode = peer.serverOn === 'a' ? lab.a : lab.b;
  const server = await startPeerServer(serverNode, peer, places);
  const clientNode = peer.serverOn === 'a' ? lab.b : lab.a;
  const client = await runClient(clientNode, peer.client(places), capSeconds);
  const forwardBytes = (await lab.stats()).get('ab.in_bytes') ?? 0;
  const used = client.cpuSeconds + serverCpu(server);
  const shared = { cpuSeconds: used, forwardBytes };
  if (peer.counts !== undefined) {
    const counted = client.exitCode === 0 ? iperfResult(client.stdout, peer.counts) : null;
    if (counted === null) return { ...shared, ...NOTHING, outcome: 'failed' };
    const { bytes, seconds } = counted;
    return {
      ...shared,
      bytes,
      seconds,
      goodputMbps: (bytes * 8) / seconds / 1e6,
      outcome: 'finished',
    };
  }
  const isEqual = client.exitCode === 0 && differences(items, await readTree(target)).length === 0;
  const outcome = isEqual ? 'finished' : client.exitCode === TIMEOUT_EXIT ? 'cut off' : 'failed';
  if (outcome === 'failed') return { ...shared, ...NOTHING, outcome };
  const total = [...items.values()].reduce((sum, item) => sum + item.bytes, 0);
  const bytes = isEqual ? total : Math.min(total, forwardBytes);
  const { seconds } = client;
  return { ...shared, bytes, seconds, goodputMbps: (bytes * 8) / seconds / 1e6, outcome };
}

/** Measures a peer once, with a link of its own. */
export async function measurePeer(name: string, options: PeerOptions): Promise<PeerRun> {
  const peer = PEERS.get(name);
  if (peer === undefined) throw new Error(`Cannot run peer "${name}"`);
  const lab = await openWanLab({ ...options.link, tcpCongestion: peer.tcpCongestion });
  try {
    return await measureIn(lab, peer, options);
  } finally {
    await lab.close();
    rmSync(join(options.workDirectory, 'target'), { recursive: true, force: true });
  }
}
