import { expect, it } from 'vitest';
import { anyFailure, expectSuperuserOnly, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

const licence = async (): Promise<unknown> => {
  const superuser = await sessions.as('superuser');
  return (await superuser.call<{ license: unknown }>('getServerInfo')).license;
};

it('sets the key and returns null', async () => {
  const superuser = await sessions.as('superuser');
  const before = await licence();
  for (const validate of [null, false]) {
    const params = { key: `a key for ${validate}`, validate };
    expect(await superuser.call('setLicenseKeyAsync', params)).toBeNull();
  }
  expect(await licence()).not.toEqual(before);
});

it('sets nothing when validation fails, and raises', async () => {
  const superuser = await sessions.as('superuser');
  await superuser.call('setLicenseKeyAsync', { key: 'kept' });
  const before = await licence();
  const attempt = superuser.call('setLicenseKeyAsync', { key: 'not signed', validate: true });
  await expect(attempt).rejects.toMatchObject(anyFailure);
  expect(await licence()).toEqual(before);
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'setLicenseKeyAsync', { key: 'any' }));
