/** Attacks by another server: names and modes that a sender claims, and what a receiver keeps for it. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { giveTo, openSessions, target } from '../conformance/harness/sessions.js';
import { hasPeer, openSending } from '../conformance/harness/transfers.js';
import { type Claim, type SendEnd, sendClaims } from './hostile-sender.js';

const sessions = openSessions();
const sending = openSending(sessions);
const onOwnDisk = describe.skipIf(!target.sharesDisk);

interface Place {
  /** Everything that there is beside what was sent. */
  readonly base: string;
  readonly inside: string;
  send(claims: readonly Claim[], forge?: (block: Uint8Array) => Uint8Array): Promise<SendEnd>;
}

/** A directory for deliveries with something worth having beside it. */
const makePlace = async (): Promise<Place> => {
  const user = await sessions.as('user');
  const base = await sessions.scratch();
  const inside = `${base}/inside`;
  mkdirSync(inside);
  mkdirSync(`${base}/outside`);
  writeFileSync(`${base}/outside/kept`, 'as it was');
  giveTo('user', base);
  const { publicKey } = await user.call<{ publicKey: string }>('getServerInfo');
  const { token } = await user.call<{ token: string }>('createAPIToken', {
    path: inside,
    permissions: 2,
  });
  const entrance = { publicKey, token, destinationPath: '/' };
  return {
    base,
    inside,
    send: (claims, forge) =>
      sendClaims({ ...entrance, claims, ...(forge === undefined ? {} : { forge }) }),
  };
};

const expectOutsideUntouched = ({ base }: Place): void => {
  expect(readdirSync(base).sort()).toEqual(['inside', 'outside']);
  expect(readdirSync(`${base}/outside`)).toEqual(['kept']);
  expect(readFileSync(`${base}/outside/kept`, 'utf8')).toBe('as it was');
};

const file = (path: string): Claim => ({ path, kind: 0 });
const link = (path: string, text: string): Claim => ({ path, kind: 2, text });

onOwnDisk(
  'attack 9, rclone CVE-2026-71313, CVE-2026-59732, croc#593, croc#594: names that a sender chooses',
  () => {
    it('what is harmless arrives, so that this sender is one', async () => {
      const place = await makePlace();
      const end = await place.send([file('arrives'), file('deep/arrives')]);
      expect(end, JSON.stringify(end)).toMatchObject({ kind: 'complete' });
      expect(readdirSync(place.inside).sort()).toEqual(['arrives', 'deep']);
    });

    it.each<[string, Claim[]]>([
      ['a parent', [file('../escaped')]],
      ['a parent further in', [file('a/../../escaped')]],
      ['a parent at the end', [file('a/..')]],
      ['an absolute path', [file('/tmp/jetstream-escaped')]],
      ['a name with a NUL', [file('a\0/../../escaped')]],
      ['an empty name', [file('')]],
      ['a dot', [file('.')]],
      ['a directory above', [{ path: '../escaped', kind: 1 }]],
      ['a link above', [link('../escaped', 'outside/kept')]],
      ['a link, then a file through it', [link('way', '../outside'), file('way/escaped')]],
      ['the same with an absolute link', [link('way', '/tmp'), file('way/jetstream-escaped')]],
      ['a link in place of a directory', [file('d/x'), link('d', '../outside'), file('d/escaped')]],
      ['a file in place of a link', [link('kept', '../outside/kept'), file('kept')]],
      ['a chain of links', [link('a', '..'), link('b', 'a/outside'), file('b/escaped')]],
    ])('%s leads nowhere outside', async (_what, claims) => {
      const place = await makePlace();
      await place.send(claims);
      expectOutsideUntouched(place);
      expect(() => lstatSync('/tmp/jetstream-escaped')).toThrow('ENOENT');
      // What was left behind must not lead anybody out who comes by the API either.
      const user = await sessions.as('user');
      const { token } = await user.call<{ token: string }>('createAPIToken', {
        path: place.inside,
      });
      const guest = await sessions.loginByToken(token);
      for (const path of ['/way', '/a/outside', '/b', '/d', '/kept']) {
        const answer = await guest
          .result('lsAsync', { path, calculateHashType: 'MD5' })
          .catch(() => null);
        // The digest of what lies outside.
        expect(JSON.stringify(answer)).not.toContain('21f754de7c49298ea2512402aa10755c');
      }
    });
  },
);

onOwnDisk('attack 10, rclone GHSA-945v-v9p3-v5xw: setuid bits from metadata', () => {
  it('a mode that holds more than permissions ends the transfer', async () => {
    const place = await makePlace();
    // 0o755 and 0o4755 as the numbers of the list are written.
    const end = await place.send([{ ...file('tool'), mode: 0o755 }], (block) => {
      const at = block.findIndex((byte, index) => byte === 0xed && block[index + 1] === 0x03);
      expect(at).toBeGreaterThan(0);
      return block.with(at + 1, 0x13);
    });
    expect(end.kind).not.toBe('complete');
    expect(readdirSync(place.inside).filter((name) => !name.startsWith('.'))).toEqual([]);
  });

  it('permissions arrive, and no bit beyond them', async () => {
    const place = await makePlace();
    const end = await place.send([{ ...file('tool'), mode: 0o777 }]);
    expect(end, JSON.stringify(end)).toMatchObject({ kind: 'complete' });
    expect(lstatSync(`${place.inside}/tool`).mode & 0o7000).toBe(0);
  });
});

describe.skipIf(!hasPeer)('attack 19, iroh-blobs#235: collection of what is in use', () => {
  it('forced at both ends, it takes nothing of a transfer that runs or rests', async () => {
    const ends = [await sessions.as('superuser'), await sessions.peer()];
    const { directory } = await sending.receiver();
    const partFiles = (): string[] =>
      target.sharesDisk ? readdirSync(directory, { recursive: true }).map(String).sort() : [];
    const collect = async (): Promise<void> => {
      const before = partFiles();
      for (const end of ends) await end.call('garbageCollect', { force: true });
      expect(partFiles()).toEqual(before);
    };
    const user = await sessions.as('user');
    const { transferId } = await sending.slowTransfer();
    await sending.moving(transferId);
    await collect();
    await user.call('send.suspendTransfer', { transferId });
    await collect();
    await user.call('send.updateTransfer', { transferId, sendRateMax: 800_000 });
    await user.call('send.resumeTransfer', { transferId });
    const ended = await sending.ended(transferId);
    expect(ended).toMatchObject({ status: 'complete', fileErrors: [] });
  });
});
