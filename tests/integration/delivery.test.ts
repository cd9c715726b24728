/** What arrives, and how: links, globs, publishing as a whole, failures, and lists that lie. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { PERMISSIONS, SYMLINK_PRESERVE, type TransferStructure } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerProcess } from '../../scripts/server-process.js';
import { type Lab, openLab } from './servers.js';

const LOOPBACK = '127.0.0.1';

let lab: Lab;
let paris: ServerProcess;
let sender: Api;
let destinationId: string;
let source: string;
let target: string;

beforeAll(async () => {
  lab = openLab();
  target = lab.path('files', 'target');
  mkdirSync(target);
  // All that is received must stay below the target, whatever it is called.
  const [first, tokyo] = await Promise.all([
    lab.start('paris'),
    lab.start('tokyo', { flags: [`--sandbox-dir=${target}`] }),
  ]);
  paris = first;
  sender = await lab.login(paris);
  const receiver = await lab.login(tokyo);
  const { token } = await receiver.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
  ({ destinationId } = await sender.send.createDestination(LOOPBACK, {
    destinationPort: tokyo.ready.recvPort,
    destinationToken: token,
  }));
  source = lab.path('files', 'source');
  mkdirSync(join(source, 'tmp'), { recursive: true });
  writeFileSync(join(source, 'a.mov'), 'a film', { mode: 0o640 });
  writeFileSync(join(source, 'b.txt'), 'a text');
  writeFileSync(join(source, 'tmp/c.mov'), 'a draft');
  writeFileSync(join(source, 'empty'), '');
  symlinkSync('a.mov', join(source, 'latest'));
});

afterAll(() => lab[Symbol.asyncDispose]());

type ManifestOptions = Parameters<Api['send']['createManifest']>[0];
type TransferOptions = Parameters<Api['send']['createTransfer']>[2];

const manifestOf = async (options: ManifestOptions): Promise<string> => {
  const { manifestId } = await sender.send.createManifest(options);
  await sender.send.waitForManifest(manifestId, { timeoutSeconds: 30 });
  return manifestId;
};

const send = async (manifestId: string, options?: TransferOptions): Promise<TransferStructure> => {
  const { transferId } = await sender.send.createTransfer(manifestId, destinationId, options);
  return sender.send.waitForTransfer(transferId, { timeoutSeconds: 60 });
};

describe('manifests', () => {
  it('globs choose, links stay links, modes are kept', async () => {
    const manifestId = await manifestOf({
      mappings: { '/chosen': source },
      symlinks: SYMLINK_PRESERVE,
      include: ['*.mov', 'latest'],
      exclude: ['tmp/'],
    });
    expect(await send(manifestId)).toMatchObject({ status: 'complete', errorMessage: '' });
    expect(readdirSync(join(target, 'chosen')).sort()).toEqual(['a.mov', 'latest']);
    expect(readlinkSync(join(target, 'chosen/latest'))).toBe('a.mov');
    expect(lstatSync(join(target, 'chosen/a.mov')).mode & 0o7777).toBe(0o640);
  });
});

describe('publishing as a whole', () => {
  it('the destination path appears with everything in it, or not at all', async () => {
    const manifestId = await manifestOf({ mappings: { '/': source } });
    const options = { destinationPath: '/jobs/one', publish: 'whole' } as const;
    expect(await send(manifestId, options)).toMatchObject({ status: 'complete' });
    expect(readdirSync(join(target, 'jobs/one')).sort()).toEqual([
      'a.mov',
      'b.txt',
      'empty',
      'latest',
      'tmp',
    ]);
    expect(readdirSync(join(target, 'jobs'))).toEqual(['one']);
    const again = await send(manifestId, options);
    expect(again).toMatchObject({ status: 'error' });
    expect(again.errorMessage).toContain('exists already');
  });

  it('a file that is gone: the transfer names it, and nothing appears', async () => {
    writeFileSync(join(source, 'gone'), 'soon gone');
    const manifestId = await manifestOf({ mappings: { '/': source } });
    rmSync(join(source, 'gone'));
    const options = { destinationPath: '/jobs/two', publish: 'whole' } as const;
    const ended = await send(manifestId, options);
    expect(ended.status).toBe('error');
    expect(ended.errorMessage).toContain('"/gone"');
    expect(existsSync(join(target, 'jobs/two'))).toBe(false);
    expect(readdirSync(join(target, 'jobs')).filter((name) => name.includes('two'))).toEqual([]);
  });

  it('is refused without a destination path, and in place', async () => {
    const manifestId = await manifestOf({ mappings: { '/': source } });
    const attempt = (options: TransferOptions): Promise<unknown> =>
      sender.send.createTransfer(manifestId, destinationId, { publish: 'whole', ...options });
    const refused = { code: 'invalid_params' };
    await expect(attempt({})).rejects.toMatchObject(refused);
    const inPlace = { destinationPath: '/x', overwriteMode: 1 };
    await expect(attempt(inPlace)).rejects.toMatchObject(refused);
  });
});

describe('a file that fails', () => {
  const withGone = async (): Promise<string> => {
    writeFileSync(join(source, 'gone'), 'soon gone');
    const manifestId = await manifestOf({ mappings: { '/f': source } });
    rmSync(join(source, 'gone'));
    return manifestId;
  };

  it('continue: all others arrive, and the file is named', async () => {
    const ended = await send(await withGone(), { destinationPath: '/continue' });
    expect(ended.fileErrors).toMatchObject([{ destPath: '/f/gone', code: 'source_vanished' }]);
    expect(readFileSync(join(target, 'continue/f/b.txt'), 'utf8')).toBe('a text');
  });

  it('stop: the transfer ends there, and no part file is left', async () => {
    const ended = await send(await withGone(), { destinationPath: '/stop', onFileError: 'stop' });
    expect(ended.status).toBe('error');
    expect(ended.errorMessage).toContain('"/f/gone"');
    const left = existsSync(join(target, 'stop'))
      ? readdirSync(join(target, 'stop'), { recursive: true })
      : [];
    expect(left.filter((name) => String(name).includes('.jetpart-'))).toEqual([]);
  });
});

/** Writes another file list in the place of the one that the scan has made. */
const forge = (manifestId: string, lines: readonly object[]): void => {
  const name = readdirSync(paris.stateDir, { recursive: true })
    .map(String)
    .find((each) => each.endsWith(`${manifestId}.list`));
  const list = join(paris.stateDir, name ?? '');
  const [header] = readFileSync(list, 'utf8').split('\n');
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const start = Buffer.byteLength(`${header}\n`);
  const index = {
    entries: lines.length,
    files: lines.length,
    bytes: lines.reduce((sum, line) => sum + (line as { z: number }).z, 0),
    groups: [[start, 0]],
  };
  const footer = JSON.stringify({ footer: 0 }).replace(
    '0',
    String(start + Buffer.byteLength(body)).padStart(20),
  );
  writeFileSync(list, `${header}\n${body}${JSON.stringify(index)}\n${footer}\n`);
};

const filesBeside = (): string[] =>
  readdirSync(lab.path('files'), { recursive: true }).map(String).sort();

describe('a hostile sender, over the real protocol (attack 9)', () => {
  const line = (d: string, more: object = {}): object => ({
    k: 'f',
    r: 0,
    s: `${source.slice(1)}/b.txt`,
    d,
    z: 6,
    t: Math.round(lstatSync(join(source, 'b.txt')).mtimeMs * 1000),
    m: 0o644,
    ...more,
  });

  it.each([
    ['..', '/../../escaped'],
    ['.. behind a name', '/a/../../escaped'],
    ['NUL', '/a\0b'],
    ['a file below a file', '/x/y'],
    ['twice the same path', '/x'],
    ['the same path, written in another way', '//./x'],
  ])('%s: refused, nothing outside, and the receiver goes on', async (_, path) => {
    const manifestId = await manifestOf({
      mappings: { '/x': join(source, 'b.txt'), '/y': join(source, 'b.txt') },
    });
    forge(manifestId, [line('/x'), line(path)]);
    const before = filesBeside();
    const ended = await send(manifestId, { destinationPath: '/hostile' });
    expect(ended.status).toBe('error');
    const isInside = (name: string): boolean => name.startsWith('target/hostile');
    expect(filesBeside().filter((name) => !isInside(name))).toEqual(
      before.filter((name) => !isInside(name)),
    );
    const honest = await send(await manifestOf({ mappings: { '/fine': join(source, 'b.txt') } }));
    expect(honest.status).toBe('complete');
  });

  it.each([
    ['absolute', '/etc/passwd'],
    ['out of the root', '../../../escaped'],
  ])('a link that is %s fails, and the file beside it arrives', async (_, text) => {
    const manifestId = await manifestOf({
      mappings: { '/x': join(source, 'b.txt'), '/y': join(source, 'empty') },
    });
    forge(manifestId, [line('/link', { k: 'l', l: text, z: 0 }), line('/x', { z: 6 })]);
    const ended = await send(manifestId, { destinationPath: '/links' });
    expect(ended.status).toBe('error');
    expect(existsSync(join(target, 'links/link'))).toBe(false);
  });
});
