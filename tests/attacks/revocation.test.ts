/** Attack 14, File Browser #5216: what the operator takes back with `jetstream users` is gone at once. */
import { describe, expect, it } from 'vitest';
import { LOOPBACK } from '../../scripts/server-process.js';
import { connect, failure, target } from '../conformance/harness/sessions.js';
import { openLab, runCli } from '../integration/servers.js';

const PASSWORD = 'a password of ann alone';

describe('attack 14, File Browser #5216: accounts that the operator takes away', () => {
  it.each(['lock', 'remove'])(
    'users %s ends sessions and tokens, those that follow events too',
    {
      timeout: 120_000,
    },
    async (change) => {
      await using lab = openLab();
      const server = await lab.start('paris');
      const state = `--persistent-state-dir=${server.stateDir}`;
      const added = await runCli(['users', 'add', 'ann', state], {
        JETSTREAM_NEW_PASSWORD: PASSWORD,
      });
      expect(added.exitCode, added.stderr).toBe(0);
      const place = { host: LOOPBACK, ...server.ready, superuser: target.superuser };
      const [session, guest, subscriber] = [
        await connect(place),
        await connect(place),
        await connect(place),
      ];
      const heard: unknown[] = [];
      try {
        for (const each of [session, subscriber]) {
          await each.call('auth', { userName: 'ann', password: PASSWORD });
        }
        const { token } = await session.call<{ token: string }>('createAPIToken');
        await guest.call('authToken', { token });
        subscriber.api.on('notify', ({ item }) => heard.push(item));
        await subscriber.call('subscribe', { topics: ['events'] });
        await session.call('createAPIToken');
        await expect.poll(() => heard.length).toBeGreaterThan(0);

        const changed = await runCli(['users', change, 'ann', state]);
        expect(changed.exitCode, changed.stderr).toBe(0);
        for (const each of [session, guest, subscriber]) {
          await expect
            .poll(() => each.call('echo').catch((error: { code: string }) => error.code))
            .toBe('not_authenticated');
        }
        const again = guest.call('authToken', { token });
        await expect(again).rejects.toMatchObject(failure('auth_failed'));
        const login = session.call('auth', { userName: 'ann', password: PASSWORD });
        await expect(login).rejects.toMatchObject(failure('auth_failed'));
      } finally {
        for (const { api } of [session, guest, subscriber]) await api.close();
      }
    },
  );
});
