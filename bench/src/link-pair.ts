/**
 * Two network namespaces joined by a plain pair of virtual devices: as fast as loopback, but what
 * each end sends and receives can be counted, and nothing else uses it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { WanNode } from '../../tests/wan/dist/wan-lab.js';

const PREFIX = '10.211.77.';

/** The two ends. */
export interface LinkPair {
  readonly a: WanNode;
  readonly b: WanNode;
  close(): void;
}

const ip = (...args: readonly string[]): void => {
  execFileSync('ip', [...args], { stdio: ['ignore', 'ignore', 'inherit'] });
};

/** Device of a node's namespace that leads to the other. */
export const LINK_DEVICE = 'bench0';

/** Makes the pair; needs root. @param mtu Of both devices; 65535 is like loopback. */
export function openLinkPair(mtu: number): LinkPair {
  const name = (letter: 'a' | 'b'): string => `jsbench-${process.pid}-${letter}`;
  const node = (letter: 'a' | 'b', last: number): WanNode => ({
    letter,
    address: `${PREFIX}${last}`,
    launcher: ['ip', 'netns', 'exec', name(letter)],
  });
  const ends = { a: node('a', 1), b: node('b', 2) };
  let open = true;
  const close = (): void => {
    if (!open) return;
    open = false;
    for (const letter of ['a', 'b'] as const) {
      try {
        ip('netns', 'del', name(letter));
      } catch {
        // It was never made.
      }
    }
  };
  process.once('exit', close);
  for (const letter of ['a', 'b'] as const) ip('netns', 'add', name(letter));
  const peer = ['peer', 'name', LINK_DEVICE, 'netns', name('b')];
  ip('-n', name('a'), 'link', 'add', LINK_DEVICE, 'type', 'veth', ...peer);
  for (const letter of ['a', 'b'] as const) {
    const inside = ['-n', name(letter)];
    ip(...inside, 'addr', 'add', `${ends[letter].address}/24`, 'dev', LINK_DEVICE);
    ip(...inside, 'link', 'set', LINK_DEVICE, 'mtu', `${mtu}`);
    for (const device of ['lo', LINK_DEVICE]) ip(...inside, 'link', 'set', device, 'up');
  }
  return { ...ends, close };
}

/** Headers of Ethernet, IPv4 and UDP, which the limits do not count. */
const HEADER_BYTES = 42;

/** Bytes of UDP that a process's end of the link has sent and received so far. */
export function linkBytes(pid: number): { readonly sent: number; readonly received: number } {
  const text = readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  const line = text.split('\n').find((each) => each.trim().startsWith(`${LINK_DEVICE}:`)) ?? '';
  const fields = line.split(':')[1]?.trim().split(/\s+/).map(Number) ?? [];
  const payload = (bytes: number, packets: number): number => bytes - HEADER_BYTES * packets;
  return {
    received: payload(fields[0] ?? 0, fields[1] ?? 0),
    sent: payload(fields[8] ?? 0, fields[9] ?? 0),
  };
}
