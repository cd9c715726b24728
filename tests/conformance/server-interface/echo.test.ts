import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('returns the given text', async () => {
  const user = await sessions.as('user');
  for (const text of ['hello', '', 'Größe 🚀 "\\\n\u0000', 'x'.repeat(100_000)]) {
    expect(await user.call('echo', { text })).toBe(text);
  }
});

it('returns null without text', async () => {
  const user = await sessions.as('user');
  expect(await user.call('echo')).toBeNull();
  expect(await user.call('echo', { text: null })).toBeNull();
});

it('shows that the connection is active: it fails after the end of the session', async () => {
  const session = await sessions.fresh('user');
  await session.call('echo');
  await session.api.close();
  await expect(session.call('echo')).rejects.toMatchObject(failure('connection_lost'));
});

it('needs a login, and refuses what is no text', async () => {
  await expectLoginNeeded(sessions, 'echo');
  const user = await sessions.as('user');
  await expect(user.call('echo', { text: 1 })).rejects.toMatchObject(failure('invalid_params'));
  await expect(user.call('echo', { txt: 'x' })).rejects.toMatchObject(failure('invalid_params'));
});
