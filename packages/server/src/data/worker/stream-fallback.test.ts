import type { PeerAddress } from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import type { Dialed } from './dial-streams.js';
import { StreamFallback, UDP_PATIENCE_US } from './stream-fallback.js';
import { UDP_BLOCKED_US, UdpMemory } from './udp-memory.js';
import type { WorkerContext } from './worker-context.js';

const SECOND_US = 1_000_000;
const PEER = { address: '192.0.2.1', port: 7 };

/** A clock that is set by hand, and streams that open when the test says so. */
class Bench {
  readonly dials: { resolve(): void; reject(error: Error): void; signal: AbortSignal }[] = [];
  readonly used: PeerAddress[] = [];
  readonly closed: string[] = [];
  readonly fallback: StreamFallback;
  now = 50 * SECOND_US;

  constructor(memory = new UdpMemory(), enabled = true) {
    const streams = {
      dial: (_target: unknown, signal: AbortSignal) =>
        new Promise<Dialed>((resolve, reject) => {
          this.dials.push({ resolve: () => resolve(this.#dialed()), reject, signal });
        }),
      use: () => PEER,
    };
    const context = {
      streams: enabled ? streams : null,
      udpMemory: memory,
      now: () => this.now,
      wake: () => undefined,
    } as unknown as WorkerContext;
    const target = { ip: '192.0.2.1', port: 8886, controlPort: 443, where: 'b.example:8886' };
    this.fallback = new StreamFallback(context, target, (peer) => this.used.push(peer));
  }

  /** Goes on, and does what is due. */
  async pass(seconds: number): Promise<void> {
    for (let step = 0; step < seconds * 10; step += 1) {
      this.now += SECOND_US / 10;
      this.fallback.tick(this.now);
      await Promise.resolve();
    }
  }

  async open(index = 0): Promise<void> {
    this.dials[index]?.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }

  #dialed(): Dialed {
    const carrier = {
      streamCount: 4,
      whenClosed: () => undefined,
      close: () => this.closed.push('closed'),
      destroy: () => this.closed.push('destroyed'),
    };
    return { carrier: carrier as unknown as Dialed['carrier'], congestion: 'bbr' };
  }
}

describe('StreamFallback', () => {
  it('opens streams after a second and uses them once UDP was silent for long', async () => {
    const bench = new Bench();
    bench.fallback.udpAsked(bench.now);
    await bench.pass(0.9);
    expect(bench.dials.length).toBe(0);
    await bench.pass(0.2);
    expect(bench.dials.length).toBe(1);
    await bench.open();
    await bench.pass(UDP_PATIENCE_US / SECOND_US - 1.3);
    expect(bench.used).toEqual([]);
    await bench.pass(0.4);
    expect(bench.used).toEqual([PEER]);
    expect(bench.fallback.path).toEqual({
      path: 'tcp',
      pathReason:
        'no answer over UDP from b.example:8886 within 4 s; 4 TLS streams to port 443 (bbr)',
    });
  });

  it('gives UDP another moment when the server was away', async () => {
    const bench = new Bench();
    bench.fallback.udpAsked(bench.now);
    await bench.pass(20);
    await bench.open();
    await bench.pass(1.8);
    expect(bench.used).toEqual([]);
    bench.fallback.udpAnswered();
    await bench.pass(10);
    expect(bench.used).toEqual([]);
    expect(bench.closed).toEqual(['closed']);
  });

  it('does nothing while UDP answers, and breaks off when it does', async () => {
    const bench = new Bench();
    await bench.pass(20);
    expect(bench.dials.length).toBe(0);
    bench.fallback.udpAsked(bench.now);
    await bench.pass(2);
    bench.fallback.udpAnswered();
    expect(bench.dials[0]?.signal.aborted).toBe(true);
    await bench.open();
    expect(bench.closed).toEqual(['destroyed']);
  });

  it('remembers for a while that UDP does not pass', async () => {
    const memory = new UdpMemory();
    const first = new Bench(memory);
    first.fallback.udpAsked(first.now);
    await first.pass(2);
    await first.open();
    await first.pass(5);
    first.fallback.flowOpened(first.now);
    expect(first.fallback.mayTryUdp(first.now)).toBe(false);

    const next = new Bench(memory);
    next.now = first.now + 100 * SECOND_US;
    await next.pass(0.2);
    await next.open();
    await next.pass(0.1);
    expect(next.used).toEqual([PEER]);
    expect(next.fallback.path.pathReason).toContain('when last tried 100 s ago; 4 TLS streams');
    expect(next.fallback.mayTryUdp(first.now + UDP_BLOCKED_US)).toBe(true);
  });

  it('tries UDP as well when streams cannot be opened, and says why', async () => {
    const memory = new UdpMemory();
    const bench = new Bench(memory);
    memory.note('192.0.2.1 8886', bench.now);
    await bench.pass(1.2);
    bench.dials[0]?.reject(new Error('connect ECONNREFUSED'));
    await bench.pass(0.1);
    expect(bench.fallback.mayTryUdp(bench.now)).toBe(true);
    expect(bench.fallback.outcome).toBe('TCP port 443: connect ECONNREFUSED');
    await bench.pass(1.2);
    expect(bench.dials.length).toBe(2);
  });

  it('never dials where it is switched off', async () => {
    const bench = new Bench(new UdpMemory(), false);
    bench.fallback.udpAsked(bench.now);
    await bench.pass(30);
    expect(bench.dials.length).toBe(0);
    expect(bench.fallback.outcome).toBe('the fallback to TCP is switched off here');
  });
});
