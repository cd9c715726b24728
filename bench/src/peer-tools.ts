/**
 * Other tools, and how each is run. Where TCP carries the data, its congestion control is set
 * explicitly.
 */
import { accessSync, constants, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a peer's command lines are made of. */
export interface PeerPlaces {
  readonly source: string;
  readonly target: string;
  readonly conf: string;
  readonly rateMbps: number;
  readonly a: string;
  readonly b: string;
}

/** A tool: node a holds the file, node b wants it. */
export interface Peer {
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

/** A web server that holds the file. */
const nginx = {
  serverOn: 'a',
  port: 8080,
  server: ({ conf, source }: PeerPlaces) => {
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
} as const;

const aria2 = (tcpCongestion: 'cubic' | 'bbr'): Peer => ({
  ...nginx,
  programs: ['aria2c', 'nginx'],
  tcpCongestion,
  client: ({ a, target }) => {
    const split = ['-x16', '-s16', '-k1M', '--file-allocation=none', '--auto-save-interval=0'];
    const place = ['-d', target, '-o', FILE];
    return ['aria2c', '--no-conf', '-q', ...split, ...place, `http://${a}:8080/${FILE}`];
  },
});

const rclone = (tcpCongestion: 'cubic' | 'bbr'): Peer => ({
  ...nginx,
  programs: ['rclone', 'nginx'],
  tcpCongestion,
  client: ({ a, conf, target }) => {
    const place = ['--config', join(conf, 'rclone.conf'), '--http-url', `http://${a}:8080`];
    const streams = ['--multi-thread-streams', '8', '--multi-thread-cutoff', '1M'];
    const memory = ['--local-no-preallocate', '--buffer-size', '32M'];
    return ['rclone', 'copy', ...place, `:http:${FILE}`, target, ...streams, ...memory];
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
  ['rclone-cubic', rclone('cubic')],
  ['rclone-bbr', rclone('bbr')],
]);

/** What is measured beside us unless told otherwise: the best tools, and what the link carries. */
export const DEFAULT_PEERS = 'iperf-udp,rsync-cubic,rsync-bbr,aria2-cubic,aria2-bbr,rclone-bbr';

/** @throws {Error} If no tool has that name. */
export function peerOf(name: string): Peer {
  const peer = PEERS.get(name);
  if (peer !== undefined) return peer;
  throw new Error(`Cannot run peer "${name}", expected one of ${[...PEERS.keys()].join(', ')}`);
}

/** Which programs of a peer are missing here. */
function missingPrograms(peer: Peer): string[] {
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

/** The tools that can run here, and a line about each that cannot. */
export interface InstalledPeers {
  readonly names: readonly string[];
  readonly leftOut: readonly string[];
}

/** Sorts out what is not installed. @throws {Error} If a name is unknown. */
export function installedPeers(wanted: readonly string[]): InstalledPeers {
  const names: string[] = [];
  const leftOut: string[] = [];
  for (const name of wanted) {
    const missing = missingPrograms(peerOf(name));
    if (missing.length === 0) names.push(name);
    else leftOut.push(`${name} is left out: ${missing.join(', ')} not installed`);
  }
  return { names, leftOut };
}
