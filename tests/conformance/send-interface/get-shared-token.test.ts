import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { idOf, shareAsUser } from '../harness/shared-tokens.js';

const sessions = openSessions();

it('describes a token by its text, its id or its structure, without the secret', async () => {
  const user = await sessions.as('user');
  const shared = await shareAsUser(sessions, { description: 'x' });
  for (const token of [shared.token, idOf(shared), shared]) {
    const seen = await user.call('send.getSharedToken', { token });
    expect(seen).toEqual({ ...shared, token: idOf(shared) });
  }
});

it('is for the owner, wranglers and superusers, and for whoever holds it', async () => {
  const shared = await shareAsUser(sessions);
  const token = idOf(shared);
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.getSharedToken', { token })).resolves.toMatchObject({ token });
  }
  for (const role of ['other', 'token'] as const) {
    const session = await sessions.as(role);
    const seen = session.call('send.getSharedToken', { token });
    await expect(seen, role).rejects.toMatchObject(failure('not_found'));
  }
  const guest = await sessions.loginByToken(shared.token);
  await expect(guest.call('send.getSharedToken', { token })).resolves.toMatchObject({ token });
  const another = idOf(await shareAsUser(sessions));
  const foreign = guest.call('send.getSharedToken', { token: another });
  await expect(foreign).rejects.toMatchObject(failure('not_found'));
});

it('does not know a token that was never there', async () => {
  await expectLoginNeeded(sessions, 'send.getSharedToken', { token: 'none' });
  const user = await sessions.as('user');
  const seen = user.call('send.getSharedToken', { token: 'none' });
  await expect(seen).rejects.toMatchObject(failure('not_found'));
});
