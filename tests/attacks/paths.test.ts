/** Attacks by path: names that walk out, and paths that two layers could read differently. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  anyFailure,
  giveTo,
  openSessions,
  type Session,
  target,
} from '../conformance/harness/sessions.js';
import { READING_ENTRIES, WRITING_ENTRIES } from './path-methods.js';

const sessions = openSessions();
const onOwnDisk = describe.skipIf(!target.sharesDisk);

/** What must stay as it is; its size and digest are those of nothing else, so an answer shows a leak. */
const SECRET = 'secret'.repeat(5237);
const TRACES = [String(SECRET.length), createHash('md5').update(SECRET).digest('hex')];

interface Place {
  /** Confined to `<place>/inside`. */
  readonly token: Session;
  readonly outside: string;
  readonly inside: string;
}

const makePlace = async (): Promise<Place> => {
  const scratch = await sessions.scratch();
  const user = await sessions.as('user');
  mkdirSync(`${scratch}/inside/deep`, { recursive: true });
  mkdirSync(`${scratch}/outside`);
  mkdirSync(`${scratch}/inside-too`);
  writeFileSync(`${scratch}/outside/secret.txt`, SECRET);
  writeFileSync(`${scratch}/inside-too/secret.txt`, SECRET);
  writeFileSync(`${scratch}/inside/own.txt`, 'mine');
  writeFileSync(`${scratch}/inside/to-move`, 'moves');
  symlinkSync('../outside', `${scratch}/inside/link`);
  symlinkSync(`${scratch}/outside`, `${scratch}/inside/absolute`);
  symlinkSync('../../outside', `${scratch}/inside/deep/link`);
  symlinkSync('/proc/self/root', `${scratch}/inside/magic`);
  giveTo('user', scratch);
  const { token } = await user.call<{ token: string }>('createAPIToken', {
    path: `${scratch}/inside`,
  });
  return {
    token: await sessions.loginByToken(token),
    outside: `${scratch}/outside`,
    inside: `${scratch}/inside`,
  };
};

onOwnDisk('attack 2, SFTPGo CVE-2026-30914: one reading of paths for every entry point', () => {
  let place: Place;
  beforeAll(async () => {
    place = await makePlace();
  });

  /** Ways out, as one layer or another might normalise them. */
  const HOSTILE = [
    '/..',
    '/../outside/secret.txt',
    '../outside/secret.txt',
    '/deep/../../outside/secret.txt',
    '/./../outside',
    '//..//outside',
    '/deep/..',
    '/%2e%2e/outside/secret.txt',
    '/..%2foutside/secret.txt',
    '/..\\outside\\secret.txt',
    '/\uFF0E\uFF0E/outside/secret.txt',
    '/\u2025/outside/secret.txt',
    '/..\u0000/outside',
    '/inside\u0000/../../outside',
    'C:/../outside',
    'file:///../outside',
    '/link/secret.txt',
    '/absolute/secret.txt',
    '/deep/link/secret.txt',
    '/magic/etc/passwd',
    '/../inside-too/secret.txt',
  ];

  it.each(HOSTILE)('%j leads nowhere outside', async (path) => {
    for (const { name, give } of READING_ENTRIES) {
      const answer = JSON.stringify(await give(place.token, path).catch(() => null));
      for (const trace of TRACES) expect(answer, `${name} of ${path}`).not.toContain(trace);
    }
    for (const { give } of WRITING_ENTRIES) {
      await give(place.token, path).catch(() => undefined);
      writeFileSync(`${place.inside}/to-move`, 'moves');
    }
    expect(readdirSync(place.outside)).toEqual(['secret.txt']);
    expect(readFileSync(`${place.outside}/secret.txt`, 'utf8')).toBe(SECRET);
  });

  it('no path of any shape leads outside', async () => {
    const pieces = ['..', '.', '', 'deep', 'link', 'absolute', 'own.txt', '..%2f', '%2e%2e', 'a'];
    const shape = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 });
    const entries = fc.constantFrom(...READING_ENTRIES, ...WRITING_ENTRIES);
    await fc.assert(
      fc.asyncProperty(shape, entries, fc.boolean(), async (names, { give }, isAbsolute) => {
        const path = `${isAbsolute ? '/' : ''}${names.join('/')}`;
        const answer = JSON.stringify(await give(place.token, path).catch(() => null));
        for (const trace of TRACES) expect(answer).not.toContain(trace);
        expect(readdirSync(place.outside)).toEqual(['secret.txt']);
        expect(readFileSync(`${place.outside}/secret.txt`, 'utf8')).toBe(SECRET);
      }),
      { numRuns: 60 },
    );
  });
});

onOwnDisk('attack 8, rclone CVE-2026-54572: a symbolic link inside that leads out', () => {
  let place: Place;
  beforeAll(async () => {
    place = await makePlace();
  });

  it('rm removes the link, not what it leads to', async () => {
    await place.token.result('rmAsync', { path: '/link' });
    expect(readdirSync(place.outside)).toEqual(['secret.txt']);
    expect(readdirSync(place.inside)).not.toContain('link');
  });

  it('mv, mkdir and mkFile through a link are refused', async () => {
    const moving = place.token.result('mvAsync', {
      path: '/own.txt',
      newPath: '/absolute/own.txt',
    });
    await expect(moving).rejects.toMatchObject(anyFailure);
    const making = place.token.result('mkdirAsync', { path: '/absolute/new' });
    await expect(making).rejects.toMatchObject(anyFailure);
    const filling = place.token.result('mkFileAsync', { path: '/absolute/new.bin', size: 9 });
    await expect(filling).rejects.toMatchObject(anyFailure);
    expect(readdirSync(place.outside)).toEqual(['secret.txt']);
    expect(readFileSync(`${place.inside}/own.txt`, 'utf8')).toBe('mine');
  });
});

onOwnDisk('attack 7, File Browser GHSA-pp88-jhwj-5qh5: a trailing slash is no other path', () => {
  it('removing /a/ removes /a, and a token of it is worth nothing then', async () => {
    const user = await sessions.as('user');
    const scratch = await sessions.scratch();
    await user.result('mkdirAsync', { path: `${scratch}/a/b` });
    const { token } = await user.call<{ token: string; path: string }>('createAPIToken', {
      path: `${scratch}/a/`,
    });
    const guest = await sessions.loginByToken(token);
    await guest.result('lsAsync', { path: '/' });
    await user.result('rmAsync', { path: `${scratch}/a//./` });
    await expect(sessions.loginByToken(token)).rejects.toMatchObject(anyFailure);
    await expect(guest.result('lsAsync', { path: '/' })).rejects.toMatchObject(anyFailure);
    await expect(guest.result('mkdirAsync', { path: '/b' })).rejects.toMatchObject(anyFailure);
    // What takes the name later is another directory, and a new login sees it because it has that
    // very path; the open session does not come back to life through it.
    expect(readdirSync(scratch)).toEqual([]);
  });
});
