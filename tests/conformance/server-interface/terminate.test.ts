import { expect, it } from 'vitest';
import { openLab } from '../../integration/servers.js';
import { expectSuperuserOnly, openSessions, target, until } from '../harness/sessions.js';

const sessions = openSessions();

it('is for superusers only, and the server runs on', async () => {
  await expectSuperuserOnly(sessions, 'terminate');
  const user = await sessions.fresh('user');
  expect(await user.call('echo', { text: 'still here' })).toBe('still here');
});

it.skipIf(!target.startsServers)('ends the server and returns null', async () => {
  await using lab = openLab();
  const server = await lab.start('short-lived');
  const api = await lab.login(server);
  await api.server.superuser();
  expect(await api.server.terminate()).toBeNull();
  await until('the process has ended', async () => !server.running());
  expect(await server.stop()).toBe(0);
});
