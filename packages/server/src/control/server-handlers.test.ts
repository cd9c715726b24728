import { describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { ServerLab } from '../server-lab.conformance.js';
import type { CallContext } from './handler.js';
import { type ServerHandlersOptions, serverHandlers } from './server-handlers.js';

describe('sleep', () => {
  const lab = () => {
    const clock = new ManualClock();
    const { sleep } = serverHandlers({ clock } as unknown as ServerHandlersOptions);
    const gone = new AbortController();
    const call = { signal: gone.signal } as CallContext;
    return { clock, gone, sleep: (milliseconds: number) => sleep({ milliseconds }, call) };
  };

  test('takes as long as it is told to', async () => {
    const { clock, sleep } = lab();
    let woken = false;
    const asleep = Promise.resolve(sleep(5000)).then((result) => {
      woken = true;
      return result;
    });
    clock.advance(4999);
    await Promise.resolve();
    expect(woken).toBe(false);
    clock.advance(1);
    expect(await asleep).toBeNull();
  });

  test('ends when the caller goes, and leaves no timer behind', async () => {
    const { clock, gone, sleep } = lab();
    const asleep = sleep(86_400_000);
    gone.abort();
    await expect(asleep).rejects.toMatchObject({ code: 'cancelled' });
    expect(clock.pendingCount).toBe(0);
    await expect(sleep(5)).rejects.toMatchObject({ code: 'cancelled' });
    expect(clock.pendingCount).toBe(0);
  });
});

describe('terminate', () => {
  test('answers first, then stops; a second call finds it stopping', async () => {
    const lab = new ServerLab();
    await lab.start();
    try {
      const session = await lab.connectLocal();
      await session.call('superuser');
      const { server } = lab;
      const [first, second] = await Promise.all([
        session.raw('terminate'),
        session.raw('terminate'),
      ]);
      expect(first['result']).toBeNull();
      expect([null, undefined]).toContain(second['result']);
      expect(await server.closed).toBe('terminated by an API call');
      expect((await session.closed).code).toBe(1001);
    } finally {
      await lab.dispose();
    }
  });

  test('sleeping calls do not hold it up', async () => {
    const lab = new ServerLab();
    await lab.start();
    try {
      const sleeper = await lab.connectLocal();
      void sleeper.raw('sleep', { milliseconds: 86_400_000 });
      const session = await lab.connectLocal();
      await session.call('superuser');
      await session.call('terminate');
      expect(await lab.server.closed).toBe('terminated by an API call');
    } finally {
      await lab.dispose();
    }
  });
});
