import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  CommandError,
  SYMLINK_FOLLOW,
  SYMLINK_IGNORE,
  SYMLINK_PRESERVE,
} from '@jetstream/contract';
import { loadNativeFileSystem } from '@jetstream/udp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { parseMappings } from './mappings.js';
import type { FilterPatterns } from './path-filter.js';
import { type ScanEntry, type ScanTotals, scanMappings } from './scan.js';
import type { ScanRoot } from './scan-root.js';

let root = '';
/** In memory where there is such a file system: a disk may need a minute to make 20,000 files. */
const parent = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir();

beforeEach(() => {
  root = fs.mkdtempSync(path.join(parent, 'scan-'));
});
afterEach(() => {
  fs.rmSync(root, { recursive: true, force: true });
});

const write = (name: string, content = 'x'): void => {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), content);
};
const makeDirectory = (name: string): void => {
  fs.mkdirSync(path.join(root, name), { recursive: true });
};
const link = (target: string, name: string): void => {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.symlinkSync(target, path.join(root, name));
};

interface Outcome extends ScanTotals {
  readonly entries: ScanEntry[];
}

type OpenRoot = (directory: string) => ScanRoot;
const native = loadNativeFileSystem();
const openRoot: OpenRoot = (directory) => ConfinedRoot.open(directory, { native });

const scan = (
  mappings: Record<string, string>,
  options: { symlinks?: number; open?: OpenRoot; patterns?: FilterPatterns } = {},
): Outcome => {
  const entries: ScanEntry[] = [];
  const request = {
    mappings: parseMappings({ mappings }, new Map([['', root]])),
    symlinks: options.symlinks ?? SYMLINK_FOLLOW,
    ...(options.patterns === undefined ? {} : { patterns: options.patterns }),
  };
  const ports = {
    openRoot: options.open ?? openRoot,
    add: (entry: ScanEntry) => entries.push(entry),
  };
  const steps = scanMappings(request, ports);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return { ...step.value, entries };
  }
};

const targets = (outcome: Outcome): string[] =>
  outcome.entries.map((entry) => entry.destPath).sort();

const failure = (run: () => unknown): { code: string; message: string } => {
  try {
    run();
  } catch (error) {
    if (error instanceof CommandError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'no error', message: '' };
};

describe('scanMappings', () => {
  it('takes a directory with everything below, whether or not the target ends in a slash', () => {
    write('in/a.txt', 'hello');
    write('in/deep/er/b.txt', '');
    makeDirectory('in/empty/inner');
    for (const target of ['/dst', '/dst/']) {
      const outcome = scan({ [target]: '/in' });
      expect(targets(outcome)).toEqual(['/dst/a.txt', '/dst/deep/er/b.txt', '/dst/empty/inner']);
      expect(outcome).toMatchObject({ totalFiles: 3, totalBytes: 5, skippedCount: 0 });
    }
  });

  it('records size, time to the microsecond, mode and where the source lies', () => {
    write('in/run.sh', '#!/bin/sh\n');
    fs.chmodSync(path.join(root, 'in/run.sh'), 0o4755);
    fs.utimesSync(path.join(root, 'in/run.sh'), 1_600_000_000, 1_600_000_000.25);
    expect(scan({ '/x': '/in/run.sh' }).entries).toEqual([
      {
        kind: 'file',
        root,
        components: ['in', 'run.sh'],
        destPath: '/x',
        size: 10,
        mtimeus: 1_600_000_000_250_000,
        mode: 0o755,
      },
    ]);
  });

  it('takes the root itself, and an empty directory as the only source', () => {
    write('a');
    expect(targets(scan({ '/': '/' }))).toEqual(['/a']);
    makeDirectory('void');
    expect(scan({ '/dst': '/void' }).entries).toMatchObject([
      { kind: 'directory', destPath: '/dst' },
    ]);
    expect(scan({ '/': '/void' }).totalFiles).toBe(0);
  });

  it('carries every name that a file system can hold', () => {
    const names = [
      'with space',
      ' ',
      'new\nline',
      'a:b',
      'ünï',
      '"',
      '\\',
      '-rf',
      '*',
      'é'.repeat(127),
    ];
    for (const name of names) write(`in/${name}`);
    const bytes = Buffer.concat([Buffer.from(`${root}/in/`), Buffer.from([0xff, 0x41])]);
    fs.writeFileSync(bytes, 'x');
    expect(targets(scan({ '/d': '/in' }))).toEqual(
      [...names.map((name) => `/d/${name}`), '/d/\udcffA'].sort(),
    );
  });

  describe('symbolic links', () => {
    it.runIf(native !== null)('FOLLOW: takes what they lead to, inside the root', () => {
      write('real/a.txt', 'abc');
      link('../real/a.txt', 'in/file');
      link('../real', 'in/dir');
      const outcome = scan({ '/d': '/in' });
      expect(targets(outcome)).toEqual(['/d/dir/a.txt', '/d/file']);
      expect(outcome.totalBytes).toBe(6);
    });

    it('FOLLOW: leaves out, with a note, what leads nowhere, out, or round and round', () => {
      write('in/a.txt');
      link('nowhere', 'in/dangling');
      link('../../../../../../../../etc/passwd', 'in/out');
      link('/etc', 'in/absolute');
      link('.', 'in/self');
      link('..', 'in/sub/up');
      link('me', 'in/me');
      const outcome = scan({ '/d': '/in' });
      expect(targets(outcome)).toEqual(['/d/a.txt', '/d/sub']);
      expect(outcome.skippedCount).toBe(6);
      const notes = new Map(outcome.notes.map((note) => [note.path, note.reason]));
      expect([...notes.keys()].sort()).toEqual(
        ['absolute', 'dangling', 'me', 'out', 'self', 'sub/up'].map((name) => `/in/${name}`),
      );
      if (native !== null) {
        expect(notes.get('/in/dangling')).toContain('to nothing');
        expect(notes.get('/in/out')).toContain('out of its root');
        expect(notes.get('/in/sub/up')).toContain('contains it');
      }
    });

    it('FOLLOW: two links that lead to each other end too', () => {
      makeDirectory('a');
      makeDirectory('b');
      link('../b', 'a/to-b');
      link('../a', 'b/to-a');
      const open: OpenRoot = () => ConfinedRoot.open('/', {});
      const entries: string[] = [];
      const mappings = [
        { root: '/', source: root.slice(1).split('/'), sourceText: root, target: ['d'] },
      ];
      const ports = { openRoot: open, add: (entry: ScanEntry) => entries.push(entry.destPath) };
      const totals = [...scanMappings({ mappings, symlinks: SYMLINK_FOLLOW }, ports)];
      expect(totals.length).toBeGreaterThan(0);
      expect(entries.sort()).toEqual(['/d/a/to-b', '/d/b/to-a']);
    });

    it('IGNORE: leaves all of them out; a directory of links only is empty', () => {
      write('in/a.txt');
      link('a.txt', 'in/file');
      link('nowhere', 'in/links/x');
      const outcome = scan({ '/d': '/in' }, { symlinks: SYMLINK_IGNORE });
      expect(targets(outcome)).toEqual(['/d/a.txt', '/d/links']);
      expect(outcome.skippedCount).toBe(2);
      link('in', 'top');
      expect(failure(() => scan({ '/d': '/top' }, { symlinks: SYMLINK_IGNORE })).code).toBe(
        'path_invalid',
      );
    });
  });

  it('PRESERVE: keeps links that stay inside, leaves out with a note those that may lead out', () => {
    write('in/a.txt');
    link('a.txt', 'in/file');
    link('..', 'in/up');
    link('nowhere', 'in/deep/dangling');
    link('../../..', 'in/deep/out');
    link('/etc/passwd', 'in/absolute');
    link('deep/../../..', 'in/winding');
    const outcome = scan({ '/d': '/in', '/l': '/in/file' }, { symlinks: SYMLINK_PRESERVE });
    const links = outcome.entries.filter(({ kind }) => kind === 'link');
    expect(links.map(({ destPath, link: text }) => [destPath, text]).sort()).toEqual([
      ['/d/deep/dangling', 'nowhere'],
      ['/d/file', 'a.txt'],
      ['/d/up', '..'],
      ['/l', 'a.txt'],
    ]);
    expect(outcome.notes.map(({ path: at }) => at).sort()).toEqual([
      '/in/absolute',
      '/in/deep/out',
      '/in/winding',
    ]);
  });

  it('patterns: choose files, prune directories, and leave what is mapped by name', () => {
    for (const name of ['a.mov', 'b.txt', 'tmp/c.mov', 'cut/d.mov', 'cut/e.txt'])
      write(`in/${name}`);
    makeDirectory('in/empty');
    const patterns = { include: ['*.mov'], exclude: ['tmp'] };
    const outcome = scan({ '/d': '/in', '/x': '/in/b.txt' }, { patterns });
    expect(targets(outcome)).toEqual(['/d/a.mov', '/d/cut/d.mov', '/x']);
    const all = scan(
      { '/d': '/in' },
      { patterns: { include: [], exclude: ['cut', 'tmp', '*.txt'] } },
    );
    expect(targets(all)).toEqual(['/d/a.mov', '/d/empty']);
  });

  it('leaves out pipes with a note, and refuses one as a source', () => {
    write('in/a.txt');
    execFileSync('mkfifo', [path.join(root, 'in/pipe')]);
    const outcome = scan({ '/d': '/in' });
    expect(targets(outcome)).toEqual(['/d/a.txt']);
    expect(outcome.notes).toEqual([{ path: '/in/pipe', reason: 'it is a named pipe' }]);
    expect(failure(() => scan({ '/d': '/in/pipe' }))).toMatchObject({ code: 'path_invalid' });
  });

  it('notes nothing that patterns leave out', () => {
    write('in/a.txt');
    execFileSync('mkfifo', [path.join(root, 'in/pipe')]);
    fs.symlinkSync('nowhere', path.join(root, 'in/dangling'));
    const without = { include: [], exclude: ['pipe', 'dangling'] };
    expect(scan({ '/d': '/in' }, { patterns: without })).toMatchObject({
      skippedCount: 0,
      notes: [],
    });
    // What a link leads to might have held what is included.
    const only = { include: ['*.txt'], exclude: [] };
    const { notes } = scan({ '/d': '/in' }, { patterns: only });
    expect(notes.map(({ path: at }) => at)).toEqual(['/in/dangling']);
  });

  it('names a source that is not there, as the user wrote it', () => {
    const { code, message } = failure(() => scan({ '/d': '/in/missing' }));
    expect(code).toBe('path_not_found');
    expect(message).toContain('"/in/missing"');
    expect(message).not.toContain(root);
  });

  it('names a directory that cannot be read', () => {
    write('in/open/a.txt');
    write('in/locked/b.txt');
    const guarded = (inner: ScanRoot): ScanRoot => ({
      lstat: (components) => inner.lstat(components),
      stat: (components) => inner.stat(components),
      readDirectory: (components) => inner.readDirectory(components),
      readLink: (components) => inner.readLink(components),
      within: (components) => {
        if (components.at(-1) !== 'locked') return guarded(inner.within(components));
        throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
      },
      close: () => inner.close(),
    });
    const open: OpenRoot = (directory) => guarded(openRoot(directory));
    expect(failure(() => scan({ '/d': '/in' }, { open }))).toEqual({
      code: 'permission_denied',
      message: 'Cannot list "/in/locked": permission denied',
    });
  });

  it.skipIf(process.getuid?.() === 0)('names a directory without rights on the real disk', () => {
    makeDirectory('in/locked');
    fs.chmodSync(path.join(root, 'in/locked'), 0);
    const { message } = failure(() => scan({ '/d': '/in' }));
    fs.chmodSync(path.join(root, 'in/locked'), 0o700);
    expect(message).toBe('Cannot list "/in/locked": permission denied');
  });

  describe('mappings that meet', () => {
    beforeEach(() => {
      write('one/a.txt');
      write('one/sub/b.txt');
      makeDirectory('one/empty');
      write('two/c.txt');
      makeDirectory('two/empty');
      makeDirectory('two/sub');
    });

    it('merges directories; an empty one that is filled or doubled has one entry at most', () => {
      const merged = scan({ '/d': '/one', '/d/': '/two' });
      expect(targets(merged)).toEqual(['/d/a.txt', '/d/c.txt', '/d/empty', '/d/sub/b.txt']);
    });

    it.each([
      ['two files of one name', { '/d': '/one', '/d/a.txt': '/two/c.txt' }, '/d/a.txt'],
      ['a file where a directory is', { '/d': '/one', '/d/sub': '/two/c.txt' }, '/d/sub'],
      ['a file below a file', { '/d': '/one', '/d/a.txt/x': '/two/c.txt' }, '/d/a.txt'],
      [
        'an empty directory where a file is',
        { '/d': '/one', '/d/a.txt': '/two/empty' },
        '/d/a.txt',
      ],
    ])('refuses %s', (_name, mappings, named) => {
      const { code, message } = failure(() => scan(mappings));
      expect(code).toBe('path_invalid');
      expect(message).toContain(JSON.stringify(named));
    });
  });

  it('refuses a file without a target name, and a target path that is too long', () => {
    write('a.txt');
    expect(failure(() => scan({ '/': '/a.txt' })).code).toBe('path_invalid');
    const long = `/${Array.from({ length: 20 }, () => 'n'.repeat(200)).join('/')}`;
    write('in/deep-enough-to-overflow/inner/leaf-with-a-long-name-of-its-own-to-be-safe.txt');
    expect(failure(() => scan({ [long]: '/in' })).code).toBe('name_too_long');
  });

  it('20,000 files: all of them, in steps, closing what it opens', () => {
    for (let directory = 0; directory < 20; directory += 1) {
      makeDirectory(`in/${directory}`);
      for (let file = 0; file < 1000; file += 1) {
        fs.closeSync(fs.openSync(path.join(root, `in/${directory}/${file}`), 'w'));
      }
    }
    const descriptors = (): number => fs.readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const outcome = scan({ '/d': '/in' });
    expect(outcome.totalFiles).toBe(20_000);
    expect(new Set(targets(outcome)).size).toBe(20_000);
    expect(descriptors()).toBe(before);
    const stopped = scanMappings(
      {
        mappings: parseMappings({ mappings: { '/d': '/in' } }, new Map([['', root]])),
        symlinks: 0,
      },
      { openRoot, add: () => {} },
    );
    for (let step = 0; step < 5; step += 1) expect(stopped.next().done).toBe(false);
    expect(descriptors()).toBeGreaterThan(before);
    stopped.return({ totalFiles: 0, totalBytes: 0, skippedCount: 0, notes: [] });
    expect(descriptors()).toBe(before);
  });
});
