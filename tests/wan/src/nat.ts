/**
 * A NAT in front of one node of a lab: a namespace behind it, joined by a veth pair, with nftables
 * translating on the node. The mapping can be changed and forgotten while traffic flows.
 */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { CannotRun } from './wan-case.js';
import { LAB_DEVICE, type WanLab, type WanNode } from './wan-lab.js';

const execute = promisify(execFile);

const GATEWAY = '192.168.77.1';
const INSIDE = '192.168.77.2';
const TABLE = 'lab_nat';
/** The first byte of the UDP payload tells clear from sealed packets. */
const WATCH = `table ip lab_watch {
  chain leaving {
    type filter hook postrouting priority 300;
    oifname "${LAB_DEVICE}" meta l4proto udp @th,64,8 0x10 counter
  }
}`;

/** What the outside sees. */
export interface Mapping {
  readonly address: string;
  readonly port: number;
}

/** A NAT; its inside is a place where a server can run. */
export interface Nat {
  readonly inside: WanNode;
  /** Translates what leaves to another address and port, and forgets what it knew. */
  map(mapping: Mapping): Promise<void>;
  /** Translates what comes in for a port of the node to the inside. */
  forward(port: number): Promise<void>;
  /** Clear packets (handshakes) that have left through the NAT so far. */
  clearPackets(): Promise<number>;
  close(): Promise<void>;
}

/** @throws {CannotRun} If a command is missing or the kernel cannot translate. */
export function requireNat(): void {
  const probe = `nat-probe-${process.pid}`;
  const inside = ['netns', 'exec', probe];
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'pipe' });
    execFileSync('ip', [...inside, 'nft', '-f', '-'], { input: rulesOf([]), stdio: 'pipe' });
    execFileSync('ip', [...inside, 'conntrack', '-F'], { stdio: 'pipe' });
  } catch (error) {
    const text = error instanceof Error ? error.message.trim().split('\n').at(-1) : '';
    throw new CannotRun(`it needs nftables with NAT, and conntrack (${text})`);
  } finally {
    try {
      execFileSync('ip', ['netns', 'del', probe], { stdio: 'pipe' });
    } catch {
      // It was never made.
    }
  }
}

function rulesOf(lines: readonly string[]): string {
  const [source = '', target = ''] = [
    lines.filter((line) => line.includes('snat')).join('\n'),
    lines.filter((line) => line.includes('dnat')).join('\n'),
  ];
  return `
    table ip ${TABLE} {}
    delete table ip ${TABLE}
    table ip ${TABLE} {
      chain outgoing {
        type nat hook postrouting priority 100;
        ${source}
      }
      chain incoming {
        type nat hook prerouting priority -100;
        ${target}
      }
    }`;
}

async function join(lab: WanLab, letter: 'a' | 'b', name: string): Promise<void> {
  const outer = `${lab.name}-${letter}`;
  const steps = [
    ['netns', 'add', name],
    ['-n', outer, 'link', 'add', 'nat0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name],
    ['-n', outer, 'addr', 'add', `${GATEWAY}/24`, 'dev', 'nat0'],
    ['-n', outer, 'link', 'set', 'nat0', 'up'],
    ['-n', name, 'addr', 'add', `${INSIDE}/24`, 'dev', 'eth0'],
    ['-n', name, 'link', 'set', 'eth0', 'up'],
    ['-n', name, 'link', 'set', 'lo', 'up'],
    ['-n', name, 'route', 'add', 'default', 'via', GATEWAY],
    ['netns', 'exec', outer, 'sysctl', '-q', 'net.ipv4.ip_forward=1'],
  ];
  for (const step of steps) await execute('ip', step);
}

/** Puts a NAT in front of a node. @throws {CannotRun} Where there is none to be had. */
export async function openNat(lab: WanLab, letter: 'a' | 'b', first: Mapping): Promise<Nat> {
  requireNat();
  const name = `${lab.name}-in`;
  const outer = `${lab.name}-${letter}`;
  let mapping = first;
  let forwarded: number | null = null;
  const addresses = new Set([lab[letter].address]);
  const run = (command: string, ...args: string[]) =>
    execute('ip', ['netns', 'exec', outer, command, ...args]);
  const apply = async (): Promise<void> => {
    if (!addresses.has(mapping.address)) {
      await execute('ip', ['-n', outer, 'addr', 'add', `${mapping.address}/24`, 'dev', LAB_DEVICE]);
      addresses.add(mapping.address);
    }
    const { address, port } = mapping;
    const lines = [
      `oifname "${LAB_DEVICE}" meta l4proto udp snat to ${address}:${port}`,
      ...(forwarded === null
        ? []
        : [`iifname "${LAB_DEVICE}" udp dport ${forwarded} dnat to ${INSIDE}:${forwarded}`]),
    ];
    execFileSync('ip', ['netns', 'exec', outer, 'nft', '-f', '-'], { input: rulesOf(lines) });
    await run('conntrack', '-F');
  };
  await join(lab, letter, name);
  await apply();
  execFileSync('ip', ['netns', 'exec', outer, 'nft', '-f', '-'], { input: WATCH });
  return {
    inside: { letter, address: INSIDE, launcher: ['ip', 'netns', 'exec', name] },
    map: async (next) => {
      mapping = next;
      forwarded = null;
      await apply();
    },
    forward: async (port) => {
      forwarded = port;
      await apply();
    },
    clearPackets: async () => {
      const { stdout } = await run('nft', 'list', 'table', 'ip', 'lab_watch');
      const found = /counter packets (\d+)/.exec(stdout);
      if (found === null) throw new Error(`Cannot count clear packets: ${stdout}`);
      return Number(found[1]);
    },
    close: async () => {
      await execute('ip', ['netns', 'del', name]);
    },
  };
}
