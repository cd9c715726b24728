import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { idOf, shareAsUser } from '../harness/shared-tokens.js';

const sessions = openSessions();

it('refuses the token from the next call on, also in open sessions', async () => {
  const user = await sessions.as('user');
  const { token } = await shareAsUser(sessions);
  const guest = await sessions.loginByToken(token);
  await guest.call('echo');
  await expect(user.call('send.deleteSharedToken', { token })).resolves.toBeNull();
  await expect(guest.call('echo')).rejects.toMatchObject(failure('not_authenticated'));
  await expect(sessions.loginByToken(token)).rejects.toMatchObject(failure('auth_failed'));
  const again = user.call('send.deleteSharedToken', { token });
  await expect(again).rejects.toMatchObject(failure('not_found'));
});

it('lets the manifest go, which cannot be deleted before', async () => {
  const user = await sessions.as('user');
  const shared = await shareAsUser(sessions);
  const { manifestId } = shared;
  const early = user.call('send.deleteManifest', { manifestId });
  await expect(early).rejects.toMatchObject(failure('conflict'));
  await user.call('send.deleteSharedToken', { token: shared });
  await expect(user.call('send.deleteManifest', { manifestId })).resolves.toBeNull();
});

it('is for the owner and wranglers, not for who holds the token', async () => {
  const shared = await shareAsUser(sessions);
  const token = idOf(shared);
  await expectLoginNeeded(sessions, 'send.deleteSharedToken', { token });
  const other = await sessions.as('other');
  const foreign = other.call('send.deleteSharedToken', { token });
  await expect(foreign).rejects.toMatchObject(failure('not_found'));
  const guest = await sessions.loginByToken(shared.token);
  const own = guest.call('send.deleteSharedToken', { token });
  await expect(own).rejects.toMatchObject(failure('permission_denied'));
  const wrangler = await sessions.as('wrangler');
  await expect(wrangler.call('send.deleteSharedToken', { token })).resolves.toBeNull();
});
