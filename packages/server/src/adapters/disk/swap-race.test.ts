/**
 * Attack 8, rclone CVE-2026-54572: while files are written, listed, renamed, removed and hashed, a
 * directory and a file on their way are swapped for links that lead out, again and again. Nothing
 * outside changes, and nothing from outside is seen.
 *
 * `JETSTREAM_SWAPS` sets how often, for each way of resolving paths.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { CommandError } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { removeTree } from '../../files/remove-tree.js';
import { LocalRoot } from './local-root.js';
import { nativeFileSystem } from './native-file-system.js';

const { O_CREAT, O_RDONLY, O_WRONLY } = fs.constants;
const SWAPS = Number(process.env['JETSTREAM_SWAPS'] || 2_000);
const SECRET = 'a secret that lies outside';

/** Swaps until it has done so as often as it was told; the second word tells to end sooner. */
const SWAPPER = `
  const fs = require('node:fs');
  const { workerData: { inside, outside, swaps, words } } = require('node:worker_threads');
  const shared = new Int32Array(words);
  const links = [outside, '../outside', '/proc/self/root' + outside];
  for (let done = 0; done < swaps && Atomics.load(shared, 1) === 0; done += 2) {
    fs.renameSync(inside + '/d', inside + '/e');
    fs.symlinkSync(links[done % links.length], inside + '/d');
    fs.unlinkSync(inside + '/d');
    fs.renameSync(inside + '/e', inside + '/d');
    fs.symlinkSync(outside + '/secret', inside + '/l');
    fs.renameSync(inside + '/l', inside + '/f');
    fs.writeFileSync(inside + '/n', 'own');
    fs.renameSync(inside + '/n', inside + '/f');
    Atomics.add(shared, 0, 2);
  }
  Atomics.store(shared, 1, 1);
`;

let base = '';
let inside = '';
let outside = '';

beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'swap-race-'));
  inside = path.join(base, 'inside');
  outside = path.join(base, 'outside');
  fs.mkdirSync(path.join(inside, 'd'), { recursive: true });
  fs.mkdirSync(path.join(outside, 'deep'), { recursive: true });
  fs.writeFileSync(path.join(inside, 'f'), 'own');
  for (const name of ['secret', 'only-outside', 'deep/secret']) {
    fs.writeFileSync(path.join(outside, name), SECRET);
  }
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

/** Names, content, owners and times of everything outside. */
const outsideNow = (): string =>
  JSON.stringify(
    ['', 'secret', 'only-outside', 'deep', 'deep/secret'].map((name) => {
      const at = path.join(outside, name);
      const { mode, uid, mtimeNs, ctimeNs, ino } = fs.lstatSync(at, { bigint: true });
      const holds = (mode & 0o40000n) === 0n ? fs.readFileSync(at, 'utf8') : fs.readdirSync(at);
      return [mode, uid, mtimeNs, ctimeNs, ino].map(String).concat(holds);
    }),
  );

/** Errors that a path in motion may end with; anything else is a finding. */
const MOVING = new Set([
  ...['path_not_found', 'path_invalid', 'not_a_directory', 'already_exists', 'is_a_directory'],
  ...['conflict', 'io_error', 'permission_denied'],
]);

/** @returns Whether the action succeeded. */
const attempt = (action: () => void): boolean => {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof CommandError && MOVING.has(error.code)) return false;
    throw error;
  }
};

const digestOf = (root: LocalRoot, components: readonly string[]): string => {
  const fd = root.openFile(components, O_RDONLY);
  try {
    return createHash('sha256').update(fs.readFileSync(fd)).digest('hex');
  } finally {
    fs.closeSync(fd);
  }
};

const secretDigest = createHash('sha256').update(SECRET).digest('hex');

/** One round of everything; counts what succeeded. */
const round = (root: LocalRoot, number: number, done: Record<string, number>): void => {
  const name = `n${number % 7}`;
  const count = (what: string, action: () => void): void => {
    if (attempt(action)) done[what] = (done[what] ?? 0) + 1;
  };
  count('write', () => {
    const fd = root.openFile(['d', name], O_WRONLY | O_CREAT, 0o644);
    try {
      fs.writeSync(fd, 'own');
    } finally {
      fs.closeSync(fd);
    }
  });
  // One by one, because the way itself must not be made where the swapper has just taken it away.
  count('make', () => root.makeDirectory(['d', 'tree']));
  count('make', () => root.makeDirectory(['d', 'tree', 'deep']));
  count('list', () => {
    for (const each of root.readDirectory(['d'])) {
      expect(each.name).not.toBe('only-outside');
    }
  });
  count('hash', () => expect(digestOf(root, ['d', name])).not.toBe(secretDigest));
  count('hash a swapped file', () => expect(digestOf(root, ['f'])).not.toBe(secretDigest));
  count('look', () => expect(root.stat(['f']).size).not.toBe(BigInt(SECRET.length)));
  count('rename', () => root.rename(['d', name], ['d', 'secret']));
  count('rename back', () => root.renameNoReplace(['d', 'secret'], ['d', 'moved']));
  count('remove', () => root.unlink(['d', 'moved']));
  count('remove what is outside', () => root.unlink(['d', 'deep', 'secret']));
  count('remove a tree', () => {
    const steps = removeTree(root, ['d', 'tree'], () => undefined);
    while (steps.next().done !== true);
  });
};

const ways = [
  { name: 'openat2', native: nativeFileSystem() },
  { name: 'walk', native: null },
].filter(({ name, native }) => name === 'walk' || native !== null);

describe.each(ways)('attack 8: swapped while in use, by $name', ({ native }) => {
  test(`${SWAPS} swaps change and show nothing outside`, { timeout: 600_000 }, async () => {
    const before = outsideNow();
    const words = new SharedArrayBuffer(8);
    const shared = new Int32Array(words);
    const workerData = { inside, outside, swaps: SWAPS, words };
    const swapper = new Worker(SWAPPER, { eval: true, workerData });
    const ended = new Promise<unknown>((resolve) => {
      swapper.once('error', (error) => {
        Atomics.store(shared, 1, 1);
        resolve(error);
      });
      swapper.once('exit', resolve);
    });
    const root = LocalRoot.open(inside, { native, directoriesMax: 0 });
    const done: Record<string, number> = {};
    try {
      for (let number = 0; Atomics.load(shared, 1) === 0; number += 1) {
        round(root, number, done);
        // The swapper starts on this thread's event loop, and its failure is heard there.
        if (number % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      Atomics.store(shared, 1, 1);
      root.close();
    }
    expect(await ended).toBe(0);
    expect(Atomics.load(shared, 0)).toBeGreaterThanOrEqual(SWAPS);
    expect(outsideNow()).toBe(before);
    const needed = ['write', 'make', 'list', 'hash', 'rename', 'remove', 'remove a tree'];
    for (const what of needed) expect(done[what], what).toBeGreaterThan(0);
    expect(done['remove what is outside'] ?? 0).toBe(0);
  });
});
