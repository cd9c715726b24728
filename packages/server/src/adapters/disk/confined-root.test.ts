import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CommandError, pathTextFromBytes } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfinedRoot } from './confined-root.js';
import { nativeFileSystem } from './native-file-system.js';

const { O_CREAT, O_DIRECTORY, O_RDONLY, O_WRONLY } = fs.constants;

let base = '';
let inside = '';
let outside = '';

beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'confined-'));
  inside = path.join(base, 'inside');
  outside = path.join(base, 'outside');
  fs.mkdirSync(inside);
  fs.mkdirSync(outside);
  fs.writeFileSync(path.join(outside, 'secret'), 'secret');
});

afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return 'no error';
  } catch (error) {
    return error instanceof CommandError ? error.code : `not a CommandError: ${String(error)}`;
  }
};

/** Everything below a directory, links not followed. */
const snapshot = (directory: string, prefix = ''): string[] =>
  fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const name = `${prefix}${entry.name}`;
    if (!entry.isDirectory()) return [name];
    return [name, ...snapshot(path.join(directory, entry.name), `${name}/`)];
  });

const readAll = (root: ConfinedRoot, components: readonly string[]): string => {
  const fd = root.openFile(components, O_RDONLY);
  try {
    return fs.readFileSync(fd, 'utf8');
  } finally {
    fs.closeSync(fd);
  }
};

const native = nativeFileSystem();
if (native === null)
  console.warn('native file system calls are not built: only the walk is tested');

const ways = [
  { way: 'walk', native: null, directoriesMax: 0 },
  { way: 'walk, cached', native: null, directoriesMax: 8 },
  ...(native === null
    ? []
    : [
        { way: 'openat2', native, directoriesMax: 0 },
        { way: 'openat2, cached', native, directoriesMax: 8 },
      ]),
];

describe.each(ways)('ConfinedRoot by $way', ({ way, ...options }) => {
  const open = (directory = inside): ConfinedRoot => ConfinedRoot.open(directory, options);

  test('openFile, lstat, rename, unlink: act on the named file', () => {
    const root = open();
    expect(root.makeDirectories(['a', 'b'])).toBe(2);
    expect(root.makeDirectories(['a', 'b'])).toBe(0);
    const fd = root.openFile(['a', 'b', 'x'], O_WRONLY | O_CREAT, 0o640);
    fs.writeSync(fd, 'text');
    fs.closeSync(fd);
    expect(root.lstat(['a', 'b', 'x']).size).toBe(4n);
    root.rename(['a', 'b', 'x'], ['a', 'y']);
    expect(readAll(root, ['a', 'y'])).toBe('text');
    expect(root.exists(['a', 'b', 'x'])).toBe(false);
    root.unlink(['a', 'y']);
    root.rmdir(['a', 'b']);
    expect(snapshot(inside)).toEqual(['a']);
    root.close();
  });

  test('errors: each errno has its code and the message names the path below the root', () => {
    const root = open();
    fs.writeFileSync(path.join(inside, 'file'), '');
    fs.mkdirSync(path.join(inside, 'dir'));
    expect(codeOf(() => root.openFile(['none'], O_RDONLY))).toBe('path_not_found');
    expect(codeOf(() => root.openFile(['file', 'x'], O_RDONLY))).toBe('not_a_directory');
    expect(codeOf(() => root.openFile(['dir'], O_WRONLY))).toBe('is_a_directory');
    expect(codeOf(() => root.openFile(['x'.repeat(256)], O_RDONLY))).toBe('name_too_long');
    expect(codeOf(() => root.renameNoReplace(['file'], ['dir']))).toBe('already_exists');
    expect(() => root.openFile(['none'], O_RDONLY)).toThrow('Cannot open "/none":');
    expect(() => root.openFile(['none'], O_RDONLY)).not.toThrow(base);
    root.close();
  });

  test('checkNames: what is not one component is refused', () => {
    const root = open();
    for (const name of ['..', '.', '', 'a/b', '/', 'a\0b', '../outside/secret']) {
      expect(codeOf(() => root.openFile([name], O_RDONLY))).toBe('path_invalid');
      expect(codeOf(() => root.openFile([name, 'secret'], O_RDONLY))).toBe('path_invalid');
      expect(codeOf(() => root.rename(['x'], [name]))).toBe('path_invalid');
      expect(codeOf(() => root.makeDirectories([name, 'x']))).toBe('path_invalid');
    }
    root.close();
  });

  test('links: none leads out, absolute or relative, in the middle or at the end (attack 8)', () => {
    const root = open();
    fs.symlinkSync('../outside', path.join(inside, 'up'));
    fs.symlinkSync(outside, path.join(inside, 'absolute'));
    fs.symlinkSync('../outside/secret', path.join(inside, 'file'));
    fs.symlinkSync('/proc/self/root', path.join(inside, 'magic'));
    const before = snapshot(outside);
    for (const way of [['up', 'secret'], ['absolute', 'secret'], ['file'], ['magic', 'etc']]) {
      expect(codeOf(() => root.openFile(way, O_RDONLY))).toBe('path_invalid');
      if (way.length === 1) continue;
      expect(codeOf(() => root.lstat(way))).toBe('path_invalid');
      expect(codeOf(() => root.unlink(way))).toBe('path_invalid');
      expect(codeOf(() => root.makeDirectories([...way, 'new']))).toBe('path_invalid');
      expect(codeOf(() => root.openFile([...way.slice(0, 1), 'n'], O_WRONLY | O_CREAT))).toBe(
        'path_invalid',
      );
      expect(codeOf(() => [...root.readDirectory(way.slice(0, 1))])).toBe('path_invalid');
      expect(codeOf(() => root.openDirectory(way.slice(0, 1)))).toBe('path_invalid');
    }
    expect(codeOf(() => root.openFile(['file'], O_WRONLY | O_CREAT))).toBe('path_invalid');
    fs.rmSync(path.join(outside, 'secret'));
    expect(root.accessible(['file'], fs.constants.R_OK)).toBe(true);
    fs.writeFileSync(path.join(outside, 'secret'), 'secret');
    expect(root.readLink(['up'])).toBe('../outside');
    root.unlink(['up']);
    expect(snapshot(outside)).toEqual(before);
    root.close();
  });

  test('within: a subtree as a root of its own stays the same directory when it moves', () => {
    const root = open();
    root.makeDirectories(['a', 'b']);
    const part = root.within(['a']);
    fs.renameSync(path.join(inside, 'a'), path.join(inside, 'moved'));
    fs.symlinkSync(outside, path.join(inside, 'a'));
    expect([...part.readDirectory([])].map((entry) => entry.name)).toEqual(['b']);
    expect(part.exists(['secret'])).toBe(false);
    part.close();
    root.close();
  });

  test('names: any bytes survive listing, opening and renaming', () => {
    const root = open();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 255 }), (raw) => {
        const bytes = raw.map((byte) => (byte === 0 || byte === 0x2f ? 0x80 : byte));
        const name = pathTextFromBytes(bytes);
        if (name === '.' || name === '..') return;
        fs.closeSync(root.openFile([name], O_WRONLY | O_CREAT, 0o600));
        expect([...root.readDirectory([])]).toEqual([{ name, kind: 'file' }]);
        const names = fs.readdirSync(inside, { encoding: 'buffer' });
        expect(names.map((each) => [...each])).toEqual([[...bytes]]);
        root.rename([name], ['plain']);
        root.renameNoReplace(['plain'], [name]);
        root.unlink([name]);
      }),
      { numRuns: 60 },
    );
    root.close();
  });

  test('random trees of links: nothing outside is read or changed (attack 2)', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const step = fc.record({
      at: fc.array(name, { minLength: 1, maxLength: 3 }),
      make: fc.constantFrom('directory', '..', '../..', '../outside', '/', 'a', 'b/c', '../a'),
    });
    const ways = fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), ways, (steps, tries) => {
        fs.rmSync(inside, { recursive: true });
        fs.mkdirSync(inside);
        for (const { at, make } of steps) {
          const place = path.join(inside, ...at);
          try {
            if (make === 'directory') fs.mkdirSync(place);
            else fs.symlinkSync(make === '/' ? outside : make, place);
          } catch {
            // The parent is missing or the name is taken: another tree, equally good.
          }
        }
        fs.rmSync(outside, { recursive: true });
        fs.mkdirSync(outside);
        fs.writeFileSync(path.join(outside, 'a'), 'secret');
        // The set-up itself may have made directories beside the root, through its own links.
        const around = fs.readdirSync(base);
        const root = open();
        for (const way of tries) {
          codeOf(() => fs.closeSync(root.openFile([...way, 'new'], O_WRONLY | O_CREAT)));
          codeOf(() => root.makeDirectories([...way, 'made']));
          codeOf(() => root.rename([...way, 'a'], [...way, 'b']));
          codeOf(() => root.unlink([...way, 'a']));
          codeOf(() => expect(readAll(root, way)).not.toBe('secret'));
        }
        root.close();
        expect(snapshot(outside)).toEqual(['a']);
        expect(fs.readdirSync(base)).toEqual(around);
      }),
      { numRuns: 60 },
    );
  });
});

describe('ConfinedRoot', () => {
  test('open: a relative root and a missing root are refused', () => {
    expect(codeOf(() => ConfinedRoot.open('relative'))).toBe('path_invalid');
    expect(codeOf(() => ConfinedRoot.open(path.join(base, 'none')))).toBe('path_not_found');
  });

  test('the root "/": links are followed as for any program', () => {
    fs.symlinkSync(outside, path.join(inside, 'link'));
    const root = ConfinedRoot.open('/');
    const way = `${inside}/link/secret`.split('/').filter((name) => name !== '');
    expect(readAll(root, way)).toBe('secret');
    expect(root.stat(way).size).toBe(6n);
    root.close();
  });

  test.runIf(native !== null)('openat2: links that stay inside are followed', () => {
    fs.mkdirSync(path.join(inside, 'a'));
    fs.writeFileSync(path.join(inside, 'a', 'x'), 'here');
    fs.symlinkSync('a', path.join(inside, 'link'));
    fs.symlinkSync('../a/x', path.join(inside, 'a', 'again'));
    const root = ConfinedRoot.open(inside);
    expect(readAll(root, ['link', 'again'])).toBe('here');
    expect(root.stat(['link']).isDirectory()).toBe(true);
    root.close();
  });

  test('descriptors: none is left open', () => {
    const openFds = (): number => fs.readdirSync('/proc/self/fd').length;
    const before = openFds();
    for (const options of ways) {
      const root = ConfinedRoot.open(inside, options);
      root.makeDirectories(['p', 'q', 'r']);
      root.within(['p']).close();
      fs.closeSync(root.openDirectory(['p', 'q']));
      for (const _ of root.readDirectory(['p'])) break;
      codeOf(() => root.lstat(['p', 'nothing', 'x']));
      codeOf(() => root.openFile(['p', 'q', 'r', 's', 't'], O_RDONLY | O_DIRECTORY));
      root.close();
    }
    expect(openFds()).toBe(before);
  });
});
