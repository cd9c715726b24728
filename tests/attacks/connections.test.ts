/** Attacks by connections: as many as there can be, or few that never say anything. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { LOOPBACK } from '../../scripts/server-process.js';
import { openLab } from '../integration/servers.js';

/** Each address of the loopback network is a client of its own. */
const ATTACKER = '127.0.0.66';
/** Three quarters of those that the server takes in all (docs/LIMITS.md). */
const PER_CLIENT = 9000;
const MORE = 200;
const AT_ONCE = 500;
const REFUSED_MS = 10_000;
/** The server ends silent ones after 20 s. */
const SILENCE_MS = 18_000;
/** For the connections of the attacker, or of the server, and everything else. */
const DESCRIPTORS = 11_000;

const onLinux = describe.runIf(process.platform === 'linux');

/** One of the attacker's connections, which says nothing. */
interface Held {
  readonly socket: Socket;
  /** Whether the server has turned it away, sooner than it would for its silence. */
  refused: boolean;
}

/** Resolves once the system has connected it; the server's answer shows later. */
const hold = (port: number): Promise<Held> =>
  new Promise((resolve) => {
    const socket = connectTcp({ host: LOOPBACK, port, localAddress: ATTACKER });
    const held: Held = { socket, refused: false };
    const startMs = performance.now();
    // Reads, so that an end by the server is seen.
    socket.resume();
    socket.on('error', () => resolve(held));
    socket.once('connect', () => resolve(held));
    socket.once('close', () => {
      held.refused = performance.now() - startMs < REFUSED_MS;
    });
  });

const openOf = (held: readonly Held[]): number =>
  held.filter(({ socket }) => socket.readyState === 'open').length;

onLinux('attack by number: one address takes all connections', () => {
  it('it gets three quarters, others go on, and its places come back when it leaves', async ({
    skip,
  }) => {
    const descriptors = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }));
    const isShort = descriptors < DESCRIPTORS;
    skip(isShort, `SKIPPED: ${descriptors} open files are allowed, expected ${DESCRIPTORS}`);
    await using lab = openLab();
    const server = await lab.start('paris');
    const { apiPort } = server.ready;
    const held: Held[] = [];
    try {
      const startMs = performance.now();
      while (held.length < PER_CLIENT + MORE) {
        const some = Array.from({ length: AT_ONCE }, () => hold(apiPort));
        held.push(...(await Promise.all(some)));
      }
      const isSlow = performance.now() - startMs > SILENCE_MS;
      skip(isSlow, 'SKIPPED: this machine is too slow to open so many before the first are ended');
      await expect.poll(() => openOf(held)).toBeLessThanOrEqual(PER_CLIENT);
      expect(held.filter(({ refused }) => refused).length).toBeGreaterThan(0);
      const api = await lab.login(server);
      expect(await api.server.echo({ text: 'alive' })).toBe('alive');
    } finally {
      for (const { socket } of held) socket.destroy();
    }
    await expect
      .poll(async () => {
        const { socket: again } = await hold(apiPort);
        // Long enough for the server to turn it away.
        await new Promise((resolve) => setTimeout(resolve, 100));
        const kept = again.readyState === 'open';
        again.destroy();
        return kept;
      })
      .toBe(true);
  });
});

/** Milliseconds until the server ends a connection. */
const lifeOf = async (socket: Socket): Promise<number> => {
  const startMs = performance.now();
  socket.on('error', () => {}).resume();
  await once(socket, 'close');
  return performance.now() - startMs;
};

const SECOND_MS = 1000;

describe('attack by slowness: connections that never finish what they begin', () => {
  it('all end by themselves, wherever they stop', { timeout: 120_000 }, async () => {
    await using lab = openLab();
    const { apiPort: port } = (await lab.start('paris')).ready;
    const plain = (said: Buffer | string): Promise<number> => {
      const socket = connectTcp(port, LOOPBACK, () => socket.write(said));
      return lifeOf(socket);
    };
    // A handshake whose other half never comes.
    const half = (): Promise<number> => {
      const socket = connectTcp(port, LOOPBACK);
      const deaf = new Duplex({
        read: () => {},
        write: (bytes, _encoding, done) => socket.write(bytes as Buffer, done),
      });
      connectTls({ socket: deaf }).on('error', () => {});
      return lifeOf(socket);
    };
    const secure = (drip: (socket: Socket, step: number) => void): Promise<number> => {
      const socket = connectTls({ host: LOOPBACK, port, rejectUnauthorized: false });
      let step = 0;
      socket.once('secureConnect', () => drip(socket, step));
      const dripping = setInterval(() => {
        step += 1;
        if (socket.writable) drip(socket, step);
      }, SECOND_MS);
      return lifeOf(socket).finally(() => clearInterval(dripping));
    };
    const [silent, cut, handshake, idle, head] = await Promise.all([
      plain(''),
      // The first bytes of a TLS message that promises more.
      plain(Buffer.from([22, 3, 1, 2, 0, 1, 0])),
      half(),
      secure(() => {}),
      secure((socket, step) => socket.write(step === 0 ? 'POST /rpc HTTP/1.1\r\n' : 'x: y\r\n')),
    ]);
    // 20 s each, the interval in which HTTP looks at its clocks, and a machine that is late.
    for (const [stop, lifeMs] of Object.entries({ silent, cut, handshake, idle, head })) {
      expect(lifeMs, stop).toBeLessThan(45 * SECOND_MS);
      expect(lifeMs, stop).toBeGreaterThan(15 * SECOND_MS);
    }
  });
});
