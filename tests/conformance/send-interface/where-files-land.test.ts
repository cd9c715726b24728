/** Where a received file lands: sandbox root, then destination path, then the path in the manifest. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSessions, type Session, target } from '../harness/sessions.js';

const sessions = openSessions();
const CONTENT = 'here I am';

let boss: Session;
let directory: string;

const { peer } = target;
const isPossible = target.sharesDisk && peer !== null;

beforeAll(async () => {
  if (!isPossible) return;
  directory = await sessions.scratch();
  writeFileSync(join(directory, 'source.txt'), CONTENT);
  boss = await sessions.peer();
});

afterAll(async () => {
  if (!isPossible) return;
  await boss.call('deleteSandboxMapping', { userName: '' }).catch(() => undefined);
});

interface Row {
  readonly sandbox: string | null;
  readonly destinationPath: string | null;
  readonly destPath: string;
}

/** Sends one file under the given sandbox of the receiver and returns how the transfer ended. */
const deliver = async ({ sandbox, destinationPath, destPath }: Row): Promise<string> => {
  if (peer === null) throw new Error('the target has no second server');
  if (sandbox === null) await boss.call('deleteSandboxMapping', { userName: '' }).catch(() => null);
  else await boss.call('setSandboxMapping', { userName: '', sandboxRoots: { '': sandbox } });
  const receiver = await sessions.login(peer.superuser, peer);
  const { token } = await receiver.call<{ token: string }>('createAPIToken', { permissions: 2 });
  const user = await sessions.as('user');
  const { manifestId } = await user.call<{ manifestId: string }>('send.createManifest', {
    mappings: { [destPath]: join(directory, 'source.txt') },
  });
  await user.call('send.waitForManifest', { manifestId });
  const { destinationId } = await user.call<{ destinationId: string }>('send.createDestination', {
    destinationAddress: peer.host,
    destinationPort: peer.recvPort,
  });
  const { transferId } = await user.call<{ transferId: string }>('send.createTransfer', {
    manifestId,
    destinationId,
    destinationToken: token,
    ...(destinationPath === null ? {} : { destinationPath }),
  });
  const ended = await user.call<{ status: string; errorMessage: string }>('send.waitForTransfer', {
    transferId,
    timeoutSeconds: 20,
  });
  return ended.errorMessage === '' ? ended.status : ended.errorMessage;
};

describe.runIf(isPossible)('reference vector 20: where files land', () => {
  it.each([
    ['none', '', 'mnt/data/file.txt', 'mnt/data/file.txt'],
    ['/storage', '', 'mnt/data/file.txt', 'storage/mnt/data/file.txt'],
    ['/storage', '/repository1', 'mnt/data/file.txt', 'storage/repository1/mnt/data/file.txt'],
    ['/storage/%u', '', 'mnt/data/file.txt', 'storage/<user>/mnt/data/file.txt'],
    [
      '/storage/%u',
      '/repository1',
      'mnt/data/file.txt',
      'storage/<user>/repository1/mnt/data/file.txt',
    ],
  ])('sandbox %s, destination path "%s", "/%s"', async (sandbox, repository, path, place) => {
    const user = peer?.superuser.userName ?? '';
    const expected = join(directory, place.replace('<user>', user));
    mkdirSync(join(directory, 'storage', user), { recursive: true });
    rmSync(expected, { force: true });
    const isOpen = sandbox === 'none';
    const ended = await deliver({
      sandbox: isOpen ? null : `${directory}${sandbox}`,
      destinationPath: repository === '' ? null : repository,
      // Without a sandbox the path is that of the whole file system, of which this is ours.
      destPath: isOpen ? `${directory}/${path}` : `/${path}`,
    });
    expect(ended).toBe('complete');
    expect(readFileSync(expected, 'utf8')).toBe(CONTENT);
  });

  it('a path without a slash in front is the same path', async () => {
    const place = `${directory}/plain/file.txt`;
    const bare = place.slice(1);
    expect(await deliver({ sandbox: null, destinationPath: null, destPath: bare })).toBe(
      'complete',
    );
    expect(existsSync(place)).toBe(true);
  });
});
