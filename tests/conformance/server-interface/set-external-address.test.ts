import { expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('sets a domain name or an IP address, which server info shows, and returns null', async () => {
  const superuser = await sessions.as('superuser');
  for (const address of ['203.0.113.7', 'files.example.org', '2001:db8::7']) {
    expect(await superuser.call('setExternalAddress', { address })).toBeNull();
    const info = await superuser.call('getServerInfo');
    expect(info).toMatchObject({ serverExternalAddress: address });
  }
});

it('refuses what is no address and changes nothing', async () => {
  const superuser = await sessions.as('superuser');
  await superuser.call('setExternalAddress', { address: 'kept.example.org' });
  for (const address of ['', 'two words', 'http://x.example.org/', 'a..b', '-x', '1.2.3.4.5:x']) {
    const attempt = expect(superuser.call('setExternalAddress', { address }), address);
    await attempt.rejects.toMatchObject(failure('invalid_params'));
  }
  expect(await superuser.call('getServerInfo')).toMatchObject({
    serverExternalAddress: 'kept.example.org',
  });
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'setExternalAddress', { address: 'x.example.org' }));
