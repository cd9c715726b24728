import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import {
  DISCOVERIES_WAITING_MAX,
  DISCOVERY_PACKETS,
  DiscoveryService,
} from './discovery-service.js';

const lab = () => {
  const clock = new ManualClock();
  const expected = new Set<string>();
  const sent: string[] = [];
  const service = new DiscoveryService({ clock, randomBytes });
  service.start({
    expectDiscovery: (id) => expected.add(id),
    dropDiscovery: (id) => expected.delete(id),
    sendDiscovery: async (id, peer) => {
      sent.push(`${id} ${peer.address}:${peer.port}`);
    },
  });
  return { clock, expected, sent, service };
};

const never = new AbortController().signal;

describe('DiscoveryService', () => {
  it('gives out 128-bit ids and reports where the packet came from, once', async () => {
    const { service, expected } = lab();
    const { discoverId, address } = service.expect();
    expect(discoverId).toMatch(/^[0-9a-f]{32}$/);
    expect(expected.has(discoverId)).toBe(true);
    const result = address({ timeoutSeconds: 30, signal: never });
    service.discovered(discoverId, { address: '192.0.2.7', port: 54946 });
    service.discovered(discoverId, { address: '192.0.2.8', port: 1 });
    await expect(result).resolves.toEqual({ address: '192.0.2.7', port: 54946 });
    expect(expected.size).toBe(0);
  });

  it('reports a packet that was faster than the request behind it', async () => {
    const { service } = lab();
    const { discoverId, address } = service.expect();
    service.discovered(discoverId, { address: '192.0.2.7', port: 9 });
    await expect(address({ timeoutSeconds: 1, signal: never })).resolves.toMatchObject({ port: 9 });
  });

  it('fails with a timeout and forgets the id', async () => {
    const { service, clock, expected } = lab();
    const result = service.expect().address({ timeoutSeconds: 2, signal: never });
    const failed = expect(result).rejects.toMatchObject({ code: 'timeout' });
    clock.advance(2000);
    await failed;
    expect(expected.size).toBe(0);
  });

  it('ends when the request is cancelled', async () => {
    const { service, expected } = lab();
    const controller = new AbortController();
    const result = service.expect().address({ timeoutSeconds: 2, signal: controller.signal });
    controller.abort();
    await expect(result).rejects.toMatchObject({ code: 'cancelled' });
    expect(expected.size).toBe(0);
  });

  it('takes no more waits than its limit', () => {
    const { service } = lab();
    for (let i = 0; i < DISCOVERIES_WAITING_MAX; i += 1) service.expect();
    expect(() => service.expect()).toThrow(expect.objectContaining({ code: 'too_many_requests' }));
  });

  it('sends several packets', async () => {
    const { service, sent, clock } = lab();
    const done = service.send('ab'.repeat(16), { address: '192.0.2.1', port: 8886 }, never);
    for (let i = 0; i < 20 && sent.length < DISCOVERY_PACKETS; i += 1) {
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    await done;
    expect(sent).toHaveLength(DISCOVERY_PACKETS);
    expect(new Set(sent)).toEqual(new Set([`${'ab'.repeat(16)} 192.0.2.1:8886`]));
  });
});
