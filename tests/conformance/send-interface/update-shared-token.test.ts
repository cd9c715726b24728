import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { idOf, shareAsUser } from '../harness/shared-tokens.js';

const sessions = openSessions();

it('changes what is given and leaves the rest', async () => {
  const user = await sessions.as('user');
  const shared = await shareAsUser(sessions, { description: 'old', downloadLimit: 2 });
  const token = idOf(shared);
  const updated = await user.call('send.updateSharedToken', { token, description: 'new' });
  expect(updated).toEqual({ ...shared, token, description: 'new' });
  const params = { token, timeLimitSeconds: 60, downloadLimit: 9, password: 'sesame' };
  await expect(user.call('send.updateSharedToken', params)).resolves.toMatchObject({
    description: 'new',
    downloadLimit: 9,
    passwordRequired: true,
    expiryTime: expect.any(Number) as unknown,
  });
  await expect(sessions.loginByToken(shared.token)).rejects.toMatchObject(failure('auth_failed'));
  await sessions.loginByToken(shared.token, { password: 'sesame' });
});

it('does not bring an expired token back', async () => {
  const user = await sessions.as('user');
  const { token } = await shareAsUser(sessions, { timeLimitSeconds: 0.01 });
  await user.call('sleep', { milliseconds: 50 });
  const late = user.call('send.updateSharedToken', { token, timeLimitSeconds: 60 });
  await expect(late).rejects.toMatchObject(failure('not_found'));
});

it('is for the owner and wranglers', async () => {
  const token = idOf(await shareAsUser(sessions));
  await expectLoginNeeded(sessions, 'send.updateSharedToken', { token });
  const other = await sessions.as('other');
  const foreign = other.call('send.updateSharedToken', { token, description: 'x' });
  await expect(foreign).rejects.toMatchObject(failure('not_found'));
  const wrangler = await sessions.as('wrangler');
  const changed = wrangler.call('send.updateSharedToken', { token, description: 'x' });
  await expect(changed).resolves.toMatchObject({ description: 'x' });
});
