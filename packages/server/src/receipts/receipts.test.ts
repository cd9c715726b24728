import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { c4IdOf } from './c4-id.js';
import { type ExportFormat, exportReceipt } from './export-receipt.js';
import { ReceiptReader } from './read-receipt.js';
import { RECEIPT_FORMAT, type ReceiptFile, type ReceiptHead } from './receipt-format.js';
import { readReceiptPage } from './receipt-page.js';
import { verifyReceipt } from './receipt-report.js';
import { publicKeyOf, sealOf } from './receipt-seal.js';
import { sealDraft, sealIn, writeDraft } from './receipt-writer.js';

const keyPair = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const ours = keyPair();
const theirs = keyPair();
const TRANSFER = '0123456789abcdef0123456789abcdef';

let base: string;
let tree: string;
beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'jetstream-receipt-'));
  tree = path.join(base, 'bag', 'data');
  fs.mkdirSync(tree, { recursive: true });
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const headOf = (more: Partial<ReceiptHead> = {}): ReceiptHead => {
  const server = { publicKey: publicKeyOf(ours), serverId: 'id', serverUid: 'uid' };
  const peer = { ...server, publicKey: publicKeyOf(theirs), address: '192.0.2.1', port: 8886 };
  return {
    format: RECEIPT_FORMAT,
    ...{ role: 'receiver', transferId: TRANSFER, destinationPath: '/in', server, peer },
    ...{ totalFiles: 1, totalBytes: 1, startTime: 1_000_000, endTime: 2_000_000 },
    verified: 'chunks',
    ...more,
  };
};

const NAMES = [
  'a',
  'dir/b c',
  'dir/näme',
  '-dash',
  'line\nbreak',
  'back\\slash',
  'per%cent',
  'cr\rx',
];

const makeTree = (names: readonly string[]): ReceiptFile[] =>
  names.map((name, number) => {
    const bytes = Buffer.from(`content of ${number}`);
    const full = path.join(tree, name);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, bytes);
    const digest = blake3(bytes).toString('hex');
    return { path: `/${name}`, kind: 'file', size: bytes.length, blake3: digest, mtime: 1e15 };
  });

const write = async (
  files: Iterable<ReceiptFile>,
  head: ReceiptHead = headOf(),
  key = ours,
): Promise<string> => {
  const file = path.join(base, `${head.role}.jsonl`);
  const { sha256 } = await writeDraft(file, head, files);
  await sealDraft(file, sealOf(head, sha256, key));
  return file;
};

const exported = async (format: ExportFormat, file: string): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  const now = new Date('2026-01-02T03:04:05Z');
  const write = (bytes: Uint8Array): void => void parts.push(bytes);
  await exportReceipt(file, { format, tree, write, hostName: 'here & there', now });
  return Buffer.concat(parts);
};

describe('a receipt', () => {
  test('is right as it was written, and tells what the files are', async () => {
    const error = { code: 'disk_full', message: 'full' };
    const files: ReceiptFile[] = [
      ...makeTree(NAMES),
      { path: '/empty', kind: 'directory', size: 0, mtime: 1 },
      { path: '/failed', kind: 'file', size: 7, mtime: 1, error },
      { path: '/\udcff', kind: 'file', size: 7, mtime: 1, error },
    ];
    const file = await write(files);
    const seen: ReceiptFile[] = [];
    const check = await new ReceiptReader(file).read((line) => seen.push(line));
    expect(seen).toEqual(files);
    expect(check).toMatchObject({ problems: [], totals: { files: 9, failed: 2 } });
    expect(await sealIn(file)).toEqual(check.seal);
  });

  test('shows any change of any byte', async () => {
    const file = await write(makeTree(['a', 'b']));
    const bytes = fs.readFileSync(file);
    const step = 7;
    for (let at = 0; at < bytes.length; at += step) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      fs.writeFileSync(file, changed);
      const found = await verifyReceipt(file).then(
        ({ problems }) => problems.length > 0,
        (thrown: { code?: string }) => thrown.code === 'invalid_params',
      );
      expect([at, found]).toEqual([at, true]);
    }
    for (const end of [0, 10, bytes.length - 1, bytes.lastIndexOf('\n', bytes.length - 2) + 1]) {
      fs.writeFileSync(file, bytes.subarray(0, end));
      await expect(verifyReceipt(file)).rejects.toMatchObject({ code: 'invalid_params' });
    }
  });

  test('of another signer, side or transfer is not right', async () => {
    const foreign = await write([], headOf(), theirs);
    expect((await verifyReceipt(foreign)).problems).toEqual([
      'another server than it names has signed',
    ]);
    const right = await write([]);
    const publicKey = publicKeyOf(theirs);
    expect((await verifyReceipt(right, { publicKey })).problems).toHaveLength(1);
    const { sha256, signature } = (await new ReceiptReader(right).read()).seal;
    const swapped = headOf({ role: 'sender', receiver: { sha256, signature } });
    expect((await verifyReceipt(await write([], swapped))).problems).toEqual([
      'the signature of the receiver is wrong',
    ]);
  });

  test('of the sender carries what the receiver has signed', async () => {
    const { publicKey: _key, ...receiver } = sealOf(
      { role: 'receiver', transferId: TRANSFER },
      'ab'.repeat(32),
      theirs,
    );
    const file = await write([], headOf({ role: 'sender', receiver }));
    expect((await verifyReceipt(file)).problems).toEqual([]);
    const without = await write([], headOf({ role: 'sender', receiver: null }));
    expect((await verifyReceipt(without)).problems).toEqual(['the receiver has not signed']);
  });

  test('can be checked with openssl and sha256sum', async () => {
    const file = await write(makeTree(['a']));
    const text = fs.readFileSync(file, 'utf8');
    const body = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
    const { seal } = JSON.parse(text.slice(body.length)) as { seal: Record<string, string> };
    const sha256 = createHash('sha256').update(body).digest('hex');
    const at = (name: string): string => path.join(base, name);
    fs.writeFileSync(at('statement'), `${RECEIPT_FORMAT}\nreceiver\n${TRANSFER}\n${sha256}\n`);
    fs.writeFileSync(at('signature'), Buffer.from(seal['signature'] ?? '', 'base64'));
    const prefix = Buffer.from('302a300506032b6570032100', 'hex');
    const raw = Buffer.from(seal['publicKey'] ?? '', 'base64');
    fs.writeFileSync(at('key.der'), Buffer.concat([prefix, raw]));
    const key = ['-pubin', '-keyform', 'DER', '-inkey', at('key.der')];
    const given = ['-rawin', '-in', at('statement'), '-sigfile', at('signature')];
    const result = spawnSync('openssl', ['pkeyutl', '-verify', ...key, ...given]);
    if (result.error === undefined) expect(String(result.stdout)).toContain('Success');
  });

  test('pages are whole lines and together the receipt', async () => {
    const file = await write(makeTree(Array.from({ length: 900 }, (_, n) => `f${n}`)));
    const place = { transferId: TRANSFER, role: 'receiver', path: file } as const;
    let text = '';
    let pages = 0;
    for (let offset: number | null = 0; offset !== null; pages += 1) {
      const page = await readReceiptPage(place, { offset, limit: 65_536 });
      expect(page.text.endsWith('\n')).toBe(true);
      text += page.text;
      offset = page.nextOffset;
    }
    expect(pages).toBeGreaterThan(1);
    expect(text).toBe(fs.readFileSync(file, 'utf8'));
    await expect(readReceiptPage(place, { offset: 3 })).rejects.toMatchObject({
      code: 'invalid_params',
    });
    const none = { ...place, path: null };
    await expect(readReceiptPage(none, {})).rejects.toMatchObject({ code: 'not_found' });
  });

  test('of 1,000,000 files is written and read in bounded memory', {
    timeout: 60_000,
  }, async () => {
    const count = process.env['CI_LONG'] === '1' ? 1_000_000 : 200_000;
    const digest = 'ab'.repeat(32);
    function* files(): Generator<ReceiptFile> {
      for (let n = 0; n < count; n += 1) {
        yield {
          path: `/some/directory/file-${n}`,
          kind: 'file',
          size: n,
          blake3: digest,
          mtime: n,
        };
      }
    }
    const before = process.memoryUsage().rss;
    const file = await write(files());
    let seen = 0;
    const { problems } = await new ReceiptReader(file).read(() => {
      seen += 1;
    });
    expect([seen, problems]).toEqual([count, []]);
    // The receipt itself is 26 MB here, and 130 MB for a million files.
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
  });
});

describe('comparing with the disk', () => {
  test('names what is changed, missing, or something else', async () => {
    const files = makeTree(['a', 'b', 'c', 'd', 'e']);
    const file = await write(files);
    expect(await verifyReceipt(file, { tree })).toMatchObject({ compared: 5, differenceCount: 0 });
    fs.writeFileSync(path.join(tree, 'a'), 'content of 9');
    fs.rmSync(path.join(tree, 'b'));
    fs.appendFileSync(path.join(tree, 'c'), 'x');
    fs.rmSync(path.join(tree, 'd'));
    fs.symlinkSync(path.join(tree, 'e'), path.join(tree, 'd'));
    const { differences, problems } = await verifyReceipt(file, { tree });
    expect(problems).toEqual([]);
    expect(differences.map(({ path: name }) => name)).toEqual(['/a', '/b', '/c', '/d']);
  });

  test('never leaves the tree, whatever a receipt says', async () => {
    fs.writeFileSync(path.join(base, 'secret'), 'x');
    const line = { kind: 'file', size: 1, mtime: 1 } as const;
    const file = await write(
      ['/../../secret', '/a/../../b'].map((name) => ({ path: name, ...line })),
    );
    const { differences } = await verifyReceipt(file, { tree });
    expect(differences).toHaveLength(2);
    for (const { message } of differences) expect(message).toContain('Cannot use the path');
  });
});

describe('exporting', () => {
  test('sha256sum: the list is accepted by sha256sum', async () => {
    const list = await exported('sha256sum', await write(makeTree(NAMES)));
    const out = execFileSync('sha256sum', ['--check', '--strict'], { cwd: tree, input: list });
    expect(String(out).match(/: OK$/gm)).toHaveLength(NAMES.length);
  });

  test('b3sum: from the receipt alone, as b3sum writes it', async () => {
    const files = makeTree(NAMES.filter((name) => !name.includes('\r')));
    const list = await exported('b3sum', await write(files));
    const expected = files.map(({ path: name, blake3: digest }) => {
      const plain = name.slice(1);
      const safe = plain.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
      return `${safe === plain ? '' : '\\'}${digest}  ${safe}\n`;
    });
    expect(String(list)).toBe(expected.join(''));
    const found = spawnSync('b3sum', ['--check'], { cwd: tree, input: list });
    if (found.error === undefined) expect(found.status).toBe(0);
  });

  test('what is on the disk must be what was delivered', async () => {
    const file = await write(makeTree(['a']));
    fs.writeFileSync(path.join(tree, 'a'), 'content of 1');
    await expect(exported('sha256sum', file)).rejects.toMatchObject({ code: 'content_mismatch' });
  });

  test('bagit: the bag is complete and valid by RFC 8493', async () => {
    await exported('bagit', await write(makeTree(NAMES)));
    const bag = path.dirname(tree);
    const tag = (name: string): string => fs.readFileSync(path.join(bag, name), 'utf8');
    // Section 2.1.1: two lines, exactly.
    expect(tag('bagit.txt')).toBe('BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n');
    const sum = (file: string): string =>
      createHash('sha256')
        .update(fs.readFileSync(path.join(bag, file)))
        .digest('hex');
    const entries = (name: string): [digest: string, file: string][] =>
      tag(name)
        .trimEnd()
        .split('\n')
        .map((line) => {
          const [, digest = '', file = ''] = /^([0-9a-f]{64})[ \t]+(.+)$/.exec(line) ?? [];
          return [digest, file.replace(/%(0A|0D|25)/gi, (text) => decodeURIComponent(text))];
        });
    // Section 3: every payload file is listed once and fits; so do the tag files.
    const payload = entries('manifest-sha256.txt');
    const onDisk = fs.readdirSync(tree, { recursive: true, withFileTypes: true });
    const files = onDisk.filter((entry) => entry.isFile());
    const names = files.map((entry) =>
      path.join('data', path.relative(tree, entry.parentPath), entry.name),
    );
    expect(payload.map(([, file]) => file).sort()).toEqual(names.sort());
    for (const [digest, file] of payload) expect([file, sum(file)]).toEqual([file, digest]);
    const tags = entries('tagmanifest-sha256.txt');
    expect(tags.map(([, file]) => file).sort()).toEqual([
      'bag-info.txt',
      'bagit.txt',
      'manifest-sha256.txt',
    ]);
    for (const [digest, file] of tags) expect([file, sum(file)]).toEqual([file, digest]);
    const bytes = files.reduce(
      (all, entry) => all + fs.statSync(path.join(entry.parentPath, entry.name)).size,
      0,
    );
    expect(tag('bag-info.txt')).toContain(`Payload-Oxum: ${bytes}.${NAMES.length}\n`);
  });

  test('bagit: a file too many is refused and nothing is left', async () => {
    const file = await write(makeTree(['a']));
    fs.writeFileSync(path.join(tree, 'stranger'), 'x');
    await expect(exported('bagit', file)).rejects.toMatchObject({ code: 'invalid_params' });
    expect(fs.readdirSync(path.dirname(tree))).toEqual(['data']);
  });

  test('ascmhl: well-formed, elements in the order of the schema, hashes right', async () => {
    const names = ['a', 'dir/b & <c>', 'q"uote'];
    const text = String(await exported('ascmhl', await write(makeTree(names))));
    const tags = [...text.matchAll(/<(\/?)([a-z0-9]+)[^>]*?>/g)];
    const open: string[] = [];
    const order: string[] = [];
    for (const [, close, name = ''] of tags) {
      if (close === '/') expect(open.pop()).toBe(name);
      else {
        open.push(name);
        order.push(open.join('/'));
      }
    }
    expect(open).toEqual([]);
    const head = ['', '/creatorinfo', '/creatorinfo/creationdate', '/creatorinfo/hostname'];
    const middle = [
      '/creatorinfo/tool',
      '/creatorinfo/comment',
      '/processinfo',
      '/processinfo/process',
      '/hashes',
    ];
    const hash = '/hashes/hash';
    const each = [hash, `${hash}/path`, `${hash}/md5`, `${hash}/c4`];
    const all = [...head, ...middle, ...names.flatMap(() => each)];
    expect(order).toEqual(all.map((name) => `hashlist${name}`));
    const unescaped = (value: string): string =>
      value
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&quot;', '"')
        .replaceAll('&amp;', '&');
    const listed = [
      ...text.matchAll(
        /<path [^>]*>([^<]*)<\/path>\s*<md5 [^>]*>([0-9a-f]{32})<\/md5>\s*<c4 [^>]*>(\w{90})</g,
      ),
    ];
    expect(listed.map(([, name = '']) => unescaped(name))).toEqual(names);
    for (const [, name = '', md5, c4] of listed) {
      const bytes = fs.readFileSync(path.join(tree, unescaped(name)));
      expect(md5).toBe(createHash('md5').update(bytes).digest('hex'));
      expect(c4).toBe(c4IdOf(createHash('sha512').update(bytes).digest('hex')));
    }
    const lint = spawnSync('xmllint', ['--noout', '-'], { input: text });
    if (lint.error === undefined) expect(lint.status).toBe(0);
  });
});
