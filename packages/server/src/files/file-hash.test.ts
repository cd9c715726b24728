import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { HashType } from '@jetstream/contract';
import { blake3 } from '@napi-rs/blake-hash';
import { xxh3 } from '@node-rs/xxhash';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileLab, hashWith, MEMORY } from './file-lab.conformance.js';
import { FILE_LIMITS } from './limits.js';

let lab: FileLab;
beforeEach(() => {
  lab = new FileLab(MEMORY);
});
afterEach(() => lab.dispose());

const entryOf = async (content: Buffer, ...types: HashType[]) => {
  fs.writeFileSync(lab.path('file'), content);
  return (await lab.list(['file'], { hash: hashWith(...types) })).files[0];
};
const hashOf = async (content: Buffer, type: HashType) => (await entryOf(content, type))?.hash;
const md5 = (bytes: Buffer): Buffer => createHash('md5').update(bytes).digest();
const etag = (...parts: Buffer[]): string =>
  `${md5(Buffer.concat(parts.map(md5))).toString('hex')}-${parts.length}`;

test('hashes are those of the whole content', async () => {
  const content = Buffer.from('hello world');
  expect(await hashOf(content, 'MD5')).toBe('5eb63bbbe01eeed093cb22bb8f5acdc3');
  expect(await hashOf(content, 'SHA256')).toBe(
    'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
  );
  expect(await hashOf(content, 'BLAKE3')).toBe(
    'd74981efa70a0c880b8d8c1985d075dbcbf679b99a5f9914e5aaf96b831a9e24',
  );
  expect(await hashOf(content, 'XXH3')).toBe('d447b1ea40e6988b');
  expect(await hashOf(content, 'S3')).toBe('5eb63bbbe01eeed093cb22bb8f5acdc3');
  expect(await hashOf(Buffer.alloc(0), 'MD5')).toBe('d41d8cd98f00b204e9800998ecf8427e');
  expect(await hashOf(Buffer.alloc(0), 'XXH3')).toBe('2d06800538d394c2');
});

test('content of more than one read, and not of a whole number of them', async () => {
  const content = Buffer.alloc(3 * FILE_LIMITS.hashReadBytes + 17);
  for (let at = 0; at < content.length; at += 1) content[at] = (at * 7 + (at >> 8)) & 0xff;
  const entry = await entryOf(content, 'XXH3', 'BLAKE3', 'SHA256', 'MD5', 'S3');
  const expected = {
    XXH3: xxh3.xxh64(content).toString(16).padStart(16, '0'),
    BLAKE3: blake3(content).toString('hex'),
    SHA256: createHash('sha256').update(content).digest('hex'),
    MD5: md5(content).toString('hex'),
    S3: md5(content).toString('hex'),
  };
  expect(entry?.hashes).toEqual(expected);
  expect(entry?.hash).toBe(expected.XXH3);
});

test('one type fills `hash` only', async () => {
  expect(await entryOf(Buffer.from('x'), 'MD5')).not.toHaveProperty('hashes');
});

describe('S3', () => {
  test('parts of 8 MiB, exactly as many as needed', async () => {
    const part = FILE_LIMITS.s3PartBytes;
    const bytes = Buffer.alloc(2 * part + 5, 'x');
    const one = bytes.subarray(0, part);
    expect(await hashOf(one, 'S3')).toBe(md5(one).toString('hex'));
    expect(await hashOf(bytes.subarray(0, part + 1), 'S3')).toBe(etag(one, bytes.subarray(0, 1)));
    expect(await hashOf(bytes.subarray(0, 2 * part), 'S3')).toBe(etag(one, one));
    expect(await hashOf(bytes, 'S3')).toBe(etag(one, one, bytes.subarray(0, 5)));
  });

  test('the size of a part can be chosen, also one that no read fits', async () => {
    const partBytes = FILE_LIMITS.hashReadBytes + 1000;
    const bytes = Buffer.alloc(2 * partBytes + 1, 'y');
    fs.writeFileSync(lab.path('file'), bytes);
    const { files } = await lab.list(['file'], { hash: { types: ['S3'], partBytes } });
    const one = bytes.subarray(0, partBytes);
    expect(files[0]?.hash).toBe(etag(one, one, bytes.subarray(0, 1)));
  });
});

test('only files have hashes', async () => {
  fs.mkdirSync(lab.path('dir'));
  fs.symlinkSync('dir', lab.path('link'));
  const { files } = await lab.list([], { hash: hashWith('MD5', 'S3') });
  expect(files.map(({ hash, hashes }) => [hash, hashes])).toEqual([
    ['', undefined],
    ['', undefined],
  ]);
});

describe('many files', () => {
  /** More than are open at once, among directories and links, which have no hash. */
  const COUNT = 700;
  const makeMany = (): void => {
    for (let at = 0; at < COUNT; at += 1) {
      fs.writeFileSync(lab.path(`file-${at}`), `content ${at}`);
      if (at % 7 === 0) fs.mkdirSync(lab.path(`dir-${at}`));
    }
  };
  const descriptors = (): number => fs.readdirSync('/proc/self/fd').length;

  test('each has its own hash, and the order stays', async () => {
    makeMany();
    const before = descriptors();
    const plain = await lab.list([]);
    const hashed = await lab.list([], { hash: hashWith('SHA256') });
    expect(hashed.files.map(({ name }) => name)).toEqual(plain.files.map(({ name }) => name));
    for (const { name, type, hash } of hashed.files) {
      const content = `content ${name.slice('file-'.length)}`;
      const expected = createHash('sha256').update(content).digest('hex');
      expect(hash, name).toBe(type === 4 ? expected : '');
    }
    expect(descriptors()).toBe(before);
  });

  test('a list of paths keeps its order', async () => {
    makeMany();
    const names = Array.from({ length: 300 }, (_, at) => `file-${(at * 11) % COUNT}`);
    const result = (await lab.run({
      kind: 'listPaths',
      places: names.map((name) => lab.place(name)),
      directory: false,
      hash: hashWith('MD5'),
      draftPath: lab.files.draftPath(),
    })) as { path: string; files: { name: string; hash: string }[] }[];
    expect(result.map(({ files }) => files[0]?.name)).toEqual(names);
    for (const { files } of result) {
      const content = `content ${files[0]?.name.slice('file-'.length)}`;
      expect(files[0]?.hash).toBe(md5(Buffer.from(content)).toString('hex'));
    }
  });

  test('a cancelled listing closes everything', async () => {
    makeMany();
    fs.writeFileSync(lab.path('slow'), '');
    fs.truncateSync(lab.path('slow'), 8 * 1024 ** 3);
    const before = descriptors();
    const task = {
      kind: 'list',
      place: lab.place(),
      directory: false,
      hash: hashWith('MD5'),
      draftPath: lab.files.draftPath(),
    } as const;
    await expect(lab.runAndCancel(task)).rejects.toMatchObject({ code: 'cancelled' });
    expect(descriptors()).toBe(before);
  });
});
