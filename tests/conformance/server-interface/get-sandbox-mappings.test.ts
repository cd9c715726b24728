import { expect, it } from 'vitest';
import { expectSuperuserOnly, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

it('maps user names to sandbox mappings, and these sandbox names to paths', async () => {
  const superuser = await sessions.as('superuser');
  const { userName } = target.other;
  const sandboxRoots = { '': target.directory, films: `${target.directory}/films` };
  await superuser.call('setSandboxMapping', { userName, sandboxRoots });
  await superuser.call('setSandboxMapping', { userName: 'free', sandboxRoots: false });
  expect(await superuser.call('getSandboxMappings')).toEqual({
    [userName]: sandboxRoots,
    free: false,
  });
  for (const name of [userName, 'free']) {
    await superuser.call('deleteSandboxMapping', { userName: name });
  }
  expect(await superuser.call('getSandboxMappings')).toEqual({});
});

it('names the system sandbox by a blank', async () => {
  const superuser = await sessions.as('superuser');
  const sandboxRoots = { '': `${target.directory}/%u` };
  await superuser.call('setSandboxMapping', { userName: '', sandboxRoots });
  expect(await superuser.call('getSandboxMappings')).toEqual({ '': sandboxRoots });
  await superuser.call('deleteSandboxMapping', { userName: '' });
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'getSandboxMappings'));
