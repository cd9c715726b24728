import { expect, it } from 'vitest';
import { expectSuperuserOnly, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('lists the keys that have the right', async () => {
  const superuser = await sessions.as('superuser');
  const entry = { clientPublicKey: Buffer.alloc(32, 8).toString('base64') };
  await superuser.result('recv.addAuthorizedClientAsync', entry);
  expect(await superuser.result('recv.getAuthorizedClientsAsync')).toContainEqual(entry);
  await superuser.result('recv.removeAuthorizedClientAsync', entry);
  expect(await superuser.result('recv.getAuthorizedClientsAsync')).not.toContainEqual(entry);
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'recv.getAuthorizedClientsAsync'));
