import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';
import { CONTROL_LIMITS } from './limits.js';

const clock = new ManualClock();
const lab = new ServerLab({ sessionIdleLimit: 600, sessionTimeLimit: 3600 }, clock);
beforeAll(() => lab.start());
afterAll(() => lab.dispose());

/** Lets time pass in steps, so that each session can answer the pings in between. */
const pass = async (seconds: number, sessions: readonly LabSocket[]): Promise<void> => {
  const stepMs = CONTROL_LIMITS.pingIntervalMs;
  for (let ms = 0; ms < seconds * 1000; ms += stepMs) {
    const seen = sessions.map(({ socket, closed }) =>
      Promise.race([new Promise<void>((resolve) => socket.once('ping', () => resolve())), closed]),
    );
    clock.advance(stepMs);
    await Promise.all(seen);
    // When the server has answered this, which takes several turns, it has read the pongs.
    await lab.http('/healthz', { method: 'GET' });
  }
};

describe('lifetimes of sessions', () => {
  test('an idle session is closed with 4408, one with a subscription lives on', async () => {
    const idle = await lab.connectLocal();
    const subscribed = await lab.connectLocal();
    await subscribed.call('subscribe', { topics: ['events'] });
    await pass(660, [idle, subscribed]);
    expect((await idle.closed).code).toBe(4408);
    expect(await subscribed.call('echo', { text: 'here' })).toBe('here');
    subscribed.socket.close();
  });

  test('a busy session is closed with 4409 when its login is too old; elevation does not renew it', async () => {
    const session = await lab.connectLocal();
    await session.call('subscribe', { topics: ['events'] });
    await pass(1800, [session]);
    await session.call('superuser');
    expect(session.socket.readyState).toBe(session.socket.OPEN);
    await pass(1860, [session]);
    expect(await session.closed).toEqual({
      code: 4409,
      reason: 'the login is too old, log in again',
    });
  });
});
