/**
 * Two network namespaces joined by an emulated WAN (`lab/wan-lab`), as an object that cleans up
 * after itself: on `close`, at the end of the process, and on SIGINT and SIGTERM.
 */
import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../../scripts/dist/server-process.js';

const execute = promisify(execFile);

/** The emulated link, the same both ways unless `words` says otherwise. */
export interface LinkOptions {
  readonly rttMs: number;
  readonly rateMbps: number;
  /** Random loss each way, percent of packets. */
  readonly lossPercent: number;
  /** Longest wait in the bottleneck's queue. */
  readonly queueMs: number;
  /** Mean length of a run of lost packets; single losses when absent. */
  readonly burstPackets?: number;
  /** Seed of all random decisions. */
  readonly seed?: number;
  /** TCP congestion control of both ends. */
  readonly tcpCongestion?: 'cubic' | 'bbr';
  /** More parameters of the link, as `key=value`. */
  readonly words?: readonly string[];
}

/** One end of the link. */
export interface WanNode {
  readonly letter: 'a' | 'b';
  /** Address that the other end reaches it by. */
  readonly address: string;
  /** Prefix of a command that is to run there. */
  readonly launcher: readonly string[];
}

/** Counters of the lab by name, such as `ab.in_bytes`. */
export type LabStats = ReadonlyMap<string, number>;

/** A running lab. */
export interface WanLab {
  readonly name: string;
  readonly a: WanNode;
  readonly b: WanNode;
  /** Changes parameters while traffic flows. */
  set(...words: readonly string[]): Promise<void>;
  stats(): Promise<LabStats>;
  /** Removes the namespaces and ends what still runs in them. */
  close(): Promise<void>;
}

/** The device that joins a node to the link. */
export const LAB_DEVICE = 'wan0';

const script = (): string => join(repositoryRoot(), 'tests/wan/lab/wan-lab');

const hasCommand = (name: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Why no lab can be opened on this machine; null when one can. */
export function labObstacle(): string | null {
  if (process.getuid?.() !== 0) return 'it needs root for network namespaces';
  for (const command of ['ip', 'cc', 'bash', 'setsid']) {
    if (!hasCommand(command)) return `it needs the command "${command}"`;
  }
  const probe = `wan-probe-${process.pid}`;
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'pipe' });
    execFileSync('ip', ['netns', 'del', probe], { stdio: 'pipe' });
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch (error) {
    const detail = error instanceof Error ? error.message.trim().split('\n').at(-1) : '';
    return `it needs network namespaces and /dev/net/tun (${detail})`;
  }
  return null;
}

const open = new Set<string>();
let watching = false;

function removeAtExit(): void {
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const name of open) {
      try {
        execFileSync(script(), ['down', name, '--kill'], { stdio: 'ignore' });
      } catch {
        // Nothing more can be done here; `wan-lab list` shows what is left.
      }
    }
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => process.exit(130));
}

function upArguments(name: string, link: LinkOptions): string[] {
  return [
    'up',
    name,
    `--seed`,
    String(link.seed ?? 42),
    ...(link.tcpCongestion === undefined ? [] : ['--cc', link.tcpCongestion]),
    `rtt=${link.rttMs}`,
    `rate=${link.rateMbps}`,
    `loss=${link.lossPercent}`,
    `queue-ms=${link.queueMs}`,
    ...(link.burstPackets === undefined ? [] : [`burst=${link.burstPackets}`]),
    ...(link.words ?? []),
  ];
}

let labCount = 0;

/** Opens a lab. */
export async function openWanLab(link: LinkOptions): Promise<WanLab> {
  labCount += 1;
  const name = `js${process.pid}-${labCount}`;
  removeAtExit();
  open.add(name);
  try {
    await execute(script(), upArguments(name, link));
  } catch (error) {
    open.delete(name);
    throw error;
  }
  const node = (letter: 'a' | 'b', address: string): WanNode => ({
    letter,
    address,
    launcher: ['ip', 'netns', 'exec', `${name}-${letter}`],
  });
  return {
    name,
    a: node('a', '10.77.0.1'),
    b: node('b', '10.77.0.2'),
    set: async (...words) => {
      await execute(script(), ['set', name, ...words]);
    },
    stats: async () => {
      const { stdout } = await execute(script(), ['stats', name, '--raw']);
      const lines = stdout.trim().split('\n');
      return new Map(
        lines.map((line) => {
          const [key = '', value = ''] = line.split(/\s+/);
          return [key, Number(value)];
        }),
      );
    },
    close: async () => {
      await execute(script(), ['down', name, '--kill']);
      open.delete(name);
    },
  };
}
