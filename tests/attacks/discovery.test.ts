/** Attack 18: ids that can be guessed or used twice. */

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { openSessions, target } from '../conformance/harness/sessions.js';

const sessions = openSessions();

interface Waiting {
  readonly requestId: number;
  readonly discoverId: string;
}

describe('attack 18, croc#366, GHSA-hp56-xvf4-g6wr: discover ids', () => {
  it('have 128 random bits', async () => {
    const user = await sessions.as('user');
    const ids = new Set<string>();
    for (let count = 0; count < 50; count += 1) {
      const params = { timeoutSeconds: 0.01 };
      const { discoverId } = await user.call<Waiting>('recvDiscoverPacketAsync', params);
      expect(discoverId).toMatch(/^[0-9a-f]{32}$/);
      ids.add(discoverId);
    }
    expect(ids.size).toBe(50);
    // No two share half of their digits, as counters and clocks would.
    expect(new Set([...ids].map((id) => id.slice(0, 16))).size).toBe(50);
    expect(new Set([...ids].map((id) => id.slice(16))).size).toBe(50);
  });

  it('cannot be hit by guessing, and guesses are not answered', async () => {
    const user = await sessions.as('user');
    const { requestId } = await user.call<Waiting>('recvDiscoverPacketAsync', {
      timeoutSeconds: 1.5,
    });
    const socket = createSocket('udp4');
    let answers = 0;
    socket.on('message', () => {
      answers += 1;
    });
    for (let guess = 0; guess < 2000; guess += 1) {
      const bytes = Buffer.concat([
        Buffer.from([0x10 + (guess % 16)]),
        randomBytes(15 + (guess % 64)),
      ]);
      socket.send(bytes, target.recvPort, target.host);
      if (guess % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await expect(user.call('getRequestResult', { requestId })).rejects.toMatchObject({
      code: 'timeout',
    });
    socket.close();
    expect(answers).toBeLessThan(2000);
  });

  it('are waited for in a bounded number', { timeout: 300_000 }, async () => {
    const other = await sessions.fresh('other');
    const waiting: number[] = [];
    let refused = 0;
    for (let count = 0; count < 1100; count += 1) {
      try {
        // None may end before the last is asked for, however long a busy machine takes.
        const params = { timeoutSeconds: 3600 };
        const { requestId } = await other.call<Waiting>('recvDiscoverPacketAsync', params);
        waiting.push(requestId);
      } catch (error) {
        expect(error).toMatchObject({ code: 'too_many_requests' });
        refused += 1;
      }
    }
    // Those of the tests before may still be waited for.
    expect(waiting.length).toBeLessThanOrEqual(1000);
    expect(refused).toBeGreaterThanOrEqual(100);
    await Promise.all(waiting.map((requestId) => other.call('cancelRequest', { requestId })));
  });
});
