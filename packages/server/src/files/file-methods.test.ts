import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { PERMISSIONS, pathTextFromBytes } from '@jetstream/contract';
import SqliteDatabase from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DATABASE_FILE } from '../adapters/database/database.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';

/** The methods about files as a client sees them, through a whole server. */
const lab = new ServerLab();
const base = join(lab.stateDir, 'files');
let session: LabSocket;
beforeAll(async () => {
  await lab.start();
  await lab.addUser('ann');
});
beforeEach(async () => {
  fs.rmSync(base, { recursive: true, force: true });
  fs.mkdirSync(base);
  session = await lab.connectUser('ann');
});
afterAll(() => lab.dispose());

const inBase = (...names: string[]): string => join(base, ...names);

describe('lsListAsync', () => {
  test('describes each path in the order of the list, also twice', async () => {
    fs.mkdirSync(inBase('dir', 'inner'), { recursive: true });
    fs.writeFileSync(inBase('dir', 'file'), 'text');
    const pathList = [inBase('dir', 'file'), inBase('dir'), inBase('dir', 'file')];
    const listed = await session.finish('lsListAsync', { pathList });
    expect(listed).toMatchObject([
      { path: inBase('dir'), files: [{ name: 'file', size: 4 }] },
      { path: inBase('dir'), files: [{}, {}] },
      { path: inBase('dir'), files: [{ name: 'file', size: 4 }] },
    ]);
    const described = await session.finish('lsListAsync', { pathList, statOnly: true });
    expect(described).toMatchObject([{}, { path: base, files: [{ name: 'dir', type: 2 }] }, {}]);
    expect(await session.finish('lsListAsync', { pathList: [] })).toEqual([]);
  });

  test('one path that is not there fails the request and is named', async () => {
    const error = await session.finishFailing('lsListAsync', { pathList: ['/', inBase('none')] });
    expect(error.code).toBe('path_not_found');
    expect(error.message).toContain('none');
    const pathList = ['/a/../b'];
    expect((await session.fail('lsListAsync', { pathList })).code).toBe('path_invalid');
    expect((await session.fail('lsListAsync', { pathList: '/' })).code).toBe('invalid_params');
    expect((await session.fail('lsListAsync')).code).toBe('invalid_params');
  });
});

describe('calculateHashType', () => {
  test('one type, several of them, and the size of a part', async () => {
    const content = Buffer.alloc(3 * 1024 ** 2, 'z');
    fs.writeFileSync(inBase('file'), content);
    const md5 = createHash('md5').update(content).digest('hex');
    const path = inBase('file');
    expect(await session.finish('lsAsync', { path, calculateHashType: 'MD5' })).toMatchObject({
      files: [{ hash: md5 }],
    });
    const calculateHashType = ['S3', 'MD5', 'S3'] as const;
    const hashPartSize = 1024 ** 2;
    const listed = await session.finish('lsListAsync', {
      pathList: [path],
      calculateHashType: [...calculateHashType],
      hashPartSize,
    });
    const part = createHash('md5').update(content.subarray(0, hashPartSize)).digest();
    const etag = createHash('md5')
      .update(Buffer.concat([part, part, part]))
      .digest('hex');
    expect(listed).toMatchObject([
      { files: [{ hash: `${etag}-3`, hashes: { S3: `${etag}-3`, MD5: md5 } }] },
    ]);
  });

  test('a type or size that does not exist is refused', async () => {
    const fail = (params: object) => session.fail('lsAsync', { path: base, ...params });
    const unknown = await fail({ calculateHashType: 'md5' });
    expect(unknown.code).toBe('invalid_params');
    expect(unknown.message).toContain('"BLAKE3"');
    expect((await fail({ calculateHashType: [] })).code).toBe('invalid_params');
    expect((await fail({ hashPartSize: 1024 })).code).toBe('invalid_params');
  });
});

describe('duAsync', () => {
  test('adds up what lies under a path', async () => {
    fs.mkdirSync(inBase('dir'));
    fs.writeFileSync(inBase('dir', 'a'), '12');
    fs.writeFileSync(inBase('b'), '345');
    expect(await session.finish('duAsync', { path: base })).toEqual({ du: 5 });
    expect((await session.finishFailing('duAsync', { path: inBase('none') })).code).toBe(
      'path_not_found',
    );
  });
});

describe('mkFileAsync', () => {
  test('makes, keeps and replaces a file', async () => {
    const path = inBase('file');
    expect(await session.finish('mkFileAsync', { path, size: 10 })).toBeNull();
    await session.finish('mkFileAsync', { path, size: 20 });
    expect(fs.statSync(path).size).toBe(10);
    await session.finish('mkFileAsync', { path, size: 20, modifyExisting: true, fillRandom: true });
    expect(fs.statSync(path).size).toBe(20);
    expect(fs.readFileSync(path)).not.toEqual(Buffer.alloc(20));
  });

  test('refuses sizes that are none', async () => {
    for (const size of [-1, 0.5, 2 ** 51, '7', null, undefined]) {
      const error = await session.fail('mkFileAsync', { path: inBase('file'), size });
      expect(error.code, String(size)).toBe('invalid_params');
    }
    expect(fs.readdirSync(base)).toEqual([]);
  });

  test('shows its progress, and leaves nothing when it is cancelled', async () => {
    const params = { path: inBase('file'), size: 2 ** 40, fillRandom: true };
    const { requestId } = await session.call('mkFileAsync', params);
    for (;;) {
      const { progress } = await session.call('getRequestStatus', { requestId });
      if ((progress?.['writtenBytes'] ?? 0) > 0) break;
    }
    await session.call('cancelRequest', { requestId });
    expect((await session.fail('getRequestResult', { requestId })).code).toBe('cancelled');
    expect(fs.readdirSync(base)).toEqual([]);
  });
});

describe('mvAsync', () => {
  test('moves, and never replaces', async () => {
    for (const name of ['a', 'b']) fs.writeFileSync(inBase(name), name);
    await session.finish('mvAsync', { path: inBase('a'), newPath: inBase('c') });
    expect(fs.readdirSync(base).sort()).toEqual(['b', 'c']);
    const error = await session.finishFailing('mvAsync', {
      path: inBase('b'),
      newPath: inBase('c'),
    });
    expect(error.code).toBe('already_exists');
    expect(error.message).toContain(inBase('c'));
    expect(fs.readFileSync(inBase('c'), 'utf8')).toBe('a');
    expect((await session.fail('mvAsync', { path: inBase('b') })).code).toBe('invalid_params');
  });
});

test('names that are not UTF-8, hold newlines or are long go through ls, mv and rm', async () => {
  const names = [
    Buffer.from([0xff, 0xfe, 0x0a, 0x80]),
    Buffer.from('line\nbreak\r\n"quoted"\\'),
    Buffer.alloc(255, 0xc3),
    Buffer.from(`${'ü'.repeat(127)}x`),
    Buffer.from('\u2028\u007f\t'),
  ];
  for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${base}/`), name]), '');
  fs.mkdirSync(inBase('to'));
  const { files } = (await session.finish('lsAsync', { path: base })) as {
    files: { name: string; type: number }[];
  };
  const listed = files.filter(({ type }) => type === 4).map(({ name }) => name);
  expect(listed.sort()).toEqual(names.map((name) => pathTextFromBytes(name)).sort());
  for (const name of listed) {
    const path = `${base}/${name}`;
    await session.finish('mvAsync', { path, newPath: inBase('to') });
    await session.finish('mvAsync', { path: `${base}/to/${name}`, newPath: inBase('moved') });
    await session.finish('mvAsync', { path: inBase('moved'), newPath: path });
    await session.finish('rmAsync', { path });
  }
  expect(fs.readdirSync(base)).toEqual(['to']);
});

test('a token lists with LIST and changes with MODIFY, below its path only', async () => {
  fs.mkdirSync(inBase('shared'));
  fs.writeFileSync(inBase('outside'), '');
  const login = async (permissions: number) => {
    const { token } = await session.call('createAPIToken', { path: inBase('shared'), permissions });
    const opened = await lab.connect();
    await opened.call('authToken', { token });
    return opened;
  };
  const lister = await login(PERMISSIONS.LIST);
  const modifier = await login(PERMISSIONS.MODIFY);
  const path = '/file';
  const newPath = '/new';
  const denied = async (who: LabSocket, method: string, params: object) =>
    expect((await who.fail(method, params)).code, method).toBe('permission_denied');
  await denied(lister, 'mkFileAsync', { path, size: 1 });
  await denied(lister, 'mvAsync', { path, newPath });
  await denied(modifier, 'lsListAsync', { pathList: [path] });
  await denied(modifier, 'duAsync', { path });
  await modifier.finish('mkFileAsync', { path: '/file', size: 1 });
  await modifier.finish('mvAsync', { path: '/file', newPath: '/moved' });
  const pathList = ['/', '/moved'];
  expect(await lister.finish('lsListAsync', { pathList })).toMatchObject([
    { path: '/', files: [{ name: 'moved' }] },
    { path: '/', files: [{ name: 'moved' }] },
  ]);
  expect(await lister.finish('duAsync', { path: '/' })).toEqual({ du: 1 });
  for (const newPath of ['/../outside', '..']) {
    expect((await modifier.fail('mvAsync', { path: '/moved', newPath })).code).toBe('path_invalid');
  }
  expect(fs.readdirSync(base).sort()).toEqual(['outside', 'shared']);
});

test('each change is an event, also one that failed', async () => {
  await session.finish('mkdirAsync', { path: inBase('dir') });
  await session.finish('mkFileAsync', { path: inBase('file'), size: 7 });
  await session.finish('mvAsync', { path: inBase('file'), newPath: inBase('moved') });
  await session.finish('rmAsync', { path: inBase('moved') });
  await session.finishFailing('rmAsync', { path: inBase('moved') });
  const database = new SqliteDatabase(join(lab.stateDir, DATABASE_FILE), { readonly: true });
  const rows = database
    .prepare("select name, fields from events where fields like ? and name <> 'loginSucceeded'")
    .all(`%"path":"${base}/%`) as { name: string; fields: string }[];
  database.close();
  const seen = rows.slice(-5).map(({ name, fields }) => [name, JSON.parse(fields) as object]);
  const owner = { owner: 'ann', ownerToken: null, ownerTokenSession: null };
  const done = { ...owner, errorCode: null };
  expect(seen).toEqual([
    ['directoryCreated', { ...done, path: inBase('dir') }],
    ['fileCreated', { ...done, path: inBase('file'), size: 7 }],
    ['pathMoved', { ...done, path: inBase('file'), newPath: inBase('moved') }],
    ['pathRemoved', { ...done, path: inBase('moved') }],
    ['pathRemoved', { ...owner, errorCode: 'path_not_found', path: inBase('moved') }],
  ]);
});
