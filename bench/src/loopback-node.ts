/**
 * A network namespace with nothing but a loopback device: what runs there is as near as on this
 * machine's own loopback, on ports that nobody else uses.
 */
import { execFileSync } from 'node:child_process';
import type { LabStats, WanNode } from '../../tests/wan/dist/wan-lab.js';

const ADDRESS = '127.0.0.1';

/** Both ends of a connection are the same node. */
export interface LoopbackNode {
  readonly a: WanNode;
  readonly b: WanNode;
  /** Nothing is counted here. */
  stats(): Promise<LabStats>;
  /** Ends what still runs there, and removes the namespace. */
  close(): Promise<void>;
}

const run = (line: readonly string[]): string => {
  const [command = '', ...args] = line;
  return execFileSync(command, [...args], { encoding: 'utf8' });
};

let nodeCount = 0;

/** Makes the namespace; needs root. @param tcpCongestion Of its TCP connections. */
export function openLoopbackNode(tcpCongestion: string): LoopbackNode {
  nodeCount += 1;
  const name = `jsloop-${process.pid}-${nodeCount}`;
  const launcher = ['ip', 'netns', 'exec', name];
  let isOpen = true;
  const remove = (): void => {
    if (!isOpen) return;
    isOpen = false;
    for (const pid of run(['ip', 'netns', 'pids', name]).split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
    run(['ip', 'netns', 'del', name]);
  };
  process.once('exit', remove);
  run(['ip', 'netns', 'add', name]);
  run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  run([...launcher, 'sysctl', '-qw', `net.ipv4.tcp_congestion_control=${tcpCongestion}`]);
  return {
    a: { letter: 'a', address: ADDRESS, launcher },
    b: { letter: 'b', address: ADDRESS, launcher },
    stats: () => Promise.resolve(new Map()),
    close: () => {
      process.off('exit', remove);
      remove();
      return Promise.resolve();
    },
  };
}
