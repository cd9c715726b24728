/** Endless transfers and one TCP flow over one emulated bottleneck, counted over a window of time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PERMISSIONS } from '@jetstream/contract';
import { openServerPair, type ServerPair } from '../../tests/wan/dist/server-pair.js';
import type { WanLab } from '../../tests/wan/dist/wan-lab.js';
import { isListening } from './process-meter.js';

/** An IP packet of TCP with timestamps, and what it carries. */
const TCP_PACKET_SHARE = 1500 / 1448;
const IP_UDP_BYTES = 28;
const IPERF_PORT = 5201;
const START_TRIES = 200;

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** How our sender behaves. */
export interface OurFlow {
  readonly policy: 'fair' | 'high' | 'background' | 'fixed';
  readonly sendRateMaxKbps?: number;
}

/** What a flow of ours has done so far. */
export interface OurCount {
  readonly ackedBytes: number;
  readonly resentBytes: number;
}

/** A transfer that does not end by itself. */
export interface EndlessTransfer {
  readonly pair: ServerPair;
  /** Begins to send. */
  start(): Promise<void>;
  count(): Promise<OurCount>;
  cancel(): Promise<void>;
}

/** Where its servers run and what they read. */
export interface FlowPlaces {
  readonly lab: WanLab;
  readonly directory: string;
  readonly name: string;
  /** Directory with a file that is larger than any run. */
  readonly source: string;
  readonly path: string;
}

/** Starts two servers, and readies a transfer between them that one more call starts. */
export async function prepareOurs(places: FlowPlaces, flow: OurFlow): Promise<EndlessTransfer> {
  const { lab, source, path } = places;
  const directory = join(places.directory, places.name);
  const pair = await openServerPair({ directory, lab, flags: [`--data-path=${path}`] });
  try {
    const { sender, receiver } = pair;
    const target = join(directory, 'target');
    await receiver.api.server.mkdir(target);
    const { token } = await receiver.api.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
    const manifest = await sender.api.send.createManifest({ mappings: { '/file': source } });
    await sender.api.send.waitForManifest(manifest);
    const destination = await sender.api.send.createDestination(pair.receiverAddress, {
      destinationPort: receiver.server.ready.recvPort,
      destinationToken: token,
      rateControlMethod: flow.policy,
      ...(flow.sendRateMaxKbps === undefined ? {} : { sendRateMax: flow.sendRateMaxKbps }),
    });
    const { send } = sender.api;
    let transferId = '';
    return {
      pair,
      start: async () => {
        const options = { destinationPath: target };
        transferId = (await send.createTransfer(manifest, destination, options)).transferId;
      },
      count: async () => {
        const { blocksAcked, blocksRetransmitted, blockSize } = await send.getTransfer(transferId);
        return {
          ackedBytes: blocksAcked * blockSize,
          resentBytes: blocksRetransmitted * blockSize,
        };
      },
      cancel: async () => {
        if (transferId !== '') await send.cancelTransfer(transferId).catch(() => undefined);
        await pair.stop();
      },
    };
  } catch (error) {
    await pair.stop();
    throw error;
  }
}

/** A TCP flow of iperf3, as its receiver has counted it. */
export interface TcpFlow {
  /** Waits for the end. @returns IP bytes between two moments of `performance.now()`. */
  bytesBetween(fromMs: number, toMs: number): Promise<number>;
  stop(): void;
}

interface IperfReport {
  readonly intervals: readonly {
    readonly sum: { readonly start: number; readonly end: number; readonly bytes: number };
  }[];
}

const launch = (launcher: readonly string[], line: readonly string[]): ChildProcess => {
  const [command = '', ...args] = [...launcher, ...line];
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
};

async function startIperfServer(lab: WanLab): Promise<ChildProcess> {
  const server = launch(lab.b.launcher, ['iperf3', '-s', '-1', '-J', '-i', '0.5']);
  for (let tries = 0; tries < START_TRIES; tries += 1) {
    await sleep(25);
    if (server.exitCode !== null) break;
    if (server.pid !== undefined && isListening(server.pid, IPERF_PORT)) return server;
  }
  server.kill('SIGKILL');
  throw new Error(`Cannot start iperf3: it does not listen on port ${IPERF_PORT}`);
}

/** Starts a TCP flow with the lab's congestion control from a to b. */
export async function startTcp(lab: WanLab, seconds: number): Promise<TcpFlow> {
  const server = await startIperfServer(lab);
  let text = '';
  server.stdout?.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  const ended = once(server, 'close');
  const client = launch(lab.a.launcher, ['iperf3', '-c', lab.b.address, '-t', `${seconds}`]);
  client.stdout?.resume();
  const startedMs = performance.now();
  const limit = setTimeout(() => server.kill('SIGKILL'), (seconds + 20) * 1000);
  return {
    bytesBetween: async (fromMs, toMs) => {
      await ended;
      clearTimeout(limit);
      if (text === '') throw new Error('Cannot count the TCP flow: iperf3 has reported nothing');
      const { intervals } = JSON.parse(text) as IperfReport;
      const inside = intervals.filter(({ sum }) => {
        const middle = startedMs + ((sum.start + sum.end) / 2) * 1000;
        return middle >= fromMs && middle < toMs;
      });
      const length = inside.reduce((total, { sum }) => total + sum.end - sum.start, 0);
      const payload = inside.reduce((total, { sum }) => total + sum.bytes, 0);
      if (length === 0) throw new Error('Cannot count the TCP flow: no interval of iperf3 counts');
      return ((payload * TCP_PACKET_SHARE) / length / 1000) * (toMs - fromMs);
    },
    stop: () => {
      clearTimeout(limit);
      client.kill('SIGKILL');
      server.kill('SIGKILL');
    },
  };
}

/** Bytes that entered the link towards the receiver: IP packets, and payload of UDP. */
export async function forwardBytes(lab: WanLab): Promise<{ ip: number; udp: number }> {
  const stats = await lab.stats();
  const ip = stats.get('ab.in_bytes') ?? 0;
  return { ip, udp: ip - (stats.get('ab.in_pkts') ?? 0) * IP_UDP_BYTES };
}

/** Round trips that `ping` sees for a while, in milliseconds. */
export async function pingMs(lab: WanLab, seconds: number): Promise<number[]> {
  const count = Math.max(1, Math.round(seconds / 0.02));
  const line = ['ping', '-n', '-i', '0.02', '-c', `${count}`, '-w', `${Math.ceil(seconds) + 5}`];
  const child = launch(lab.a.launcher, [...line, lab.b.address]);
  let text = '';
  child.stdout?.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  await once(child, 'close');
  return [...text.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms));
}
