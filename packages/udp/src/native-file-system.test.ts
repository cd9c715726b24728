import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNativeFileSystem } from './native-addon.js';

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
const native = loadNativeFileSystem();
if (native === null) process.stderr.write('SKIPPED: NativeFileSystem, the addon is not built\n');

describe.skipIf(native === null)('NativeFileSystem', () => {
  let root = '';
  let directory = -1;
  const descriptors: number[] = [];
  const open = (path: string | Uint8Array, flags = O_RDONLY, mode?: number) => {
    const descriptor = native?.openBeneath(directory, path, flags, mode) ?? -1;
    descriptors.push(descriptor);
    return descriptor;
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'udp-fs-'));
    mkdirSync(join(root, 'box', 'inner'), { recursive: true });
    writeFileSync(join(root, 'secret'), 'outside');
    writeFileSync(join(root, 'box', 'file'), 'inside');
    directory = openSync(join(root, 'box'), O_RDONLY);
  });

  afterEach(() => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    closeSync(directory);
    rmSync(root, { recursive: true });
  });

  it('openBeneath: opens and creates inside', () => {
    expect(readFileSync(open('file'), 'utf8')).toBe('inside');
    expect(readFileSync(open('inner/../file'), 'utf8')).toBe('inside');
    writeFileSync(open('inner/made', O_CREAT | O_EXCL | O_WRONLY, 0o600), 'new');
    expect(readFileSync(join(root, 'box', 'inner', 'made'), 'utf8')).toBe('new');
  });

  it('openBeneath: never leaves the directory', () => {
    symlinkSync('../secret', join(root, 'box', 'up'));
    symlinkSync(join(root, 'secret'), join(root, 'box', 'absolute'));
    symlinkSync('file', join(root, 'box', 'good'));
    symlinkSync('loop', join(root, 'box', 'loop'));
    symlinkSync('..', join(root, 'box', 'parent'));
    const expected = {
      '../secret': 'EXDEV',
      'inner/../../secret': 'EXDEV',
      [join(root, 'box', 'file')]: 'EXDEV',
      up: 'EXDEV',
      absolute: 'EXDEV',
      'parent/secret': 'EXDEV',
      loop: 'ELOOP',
      missing: 'ENOENT',
      '': 'ENOENT',
      'file/below': 'ENOTDIR',
      ['x'.repeat(256)]: 'ENAMETOOLONG',
      ['x/'.repeat(3000)]: 'ENAMETOOLONG',
      'file\0hidden': 'EINVAL',
    };
    for (const [path, code] of Object.entries(expected)) {
      expect(() => open(path), path).toThrow(expect.objectContaining({ code }));
    }
    expect(readFileSync(open('good'), 'utf8')).toBe('inside');
    expect(() => open('up', O_CREAT | O_WRONLY)).toThrow();
    expect(readFileSync(join(root, 'secret'), 'utf8')).toBe('outside');
  });

  it('openBeneath: follows no magic link', () => {
    const own = openSync('/proc/self', O_RDONLY);
    descriptors.push(own);
    const magic = `fd/${directory}`;
    expect(() => native?.openBeneath(own, magic, O_RDONLY)).toThrow(
      expect.objectContaining({ code: 'ELOOP' }),
    );
  });

  it('openBeneath: takes names that are not UTF-8', () => {
    const name = Buffer.from([0x66, 0xff, 0xfe]);
    writeFileSync(open(name, O_CREAT | O_WRONLY), 'odd');
    const names = readdirSync(join(root, 'box'), { encoding: 'buffer' });
    expect(names.some((found) => found.equals(name))).toBe(true);
  });

  it('openBeneath: refuses what is no descriptor', () => {
    const file = open('file');
    for (const wrong of [-1, 1.5, Number.NaN, 2 ** 40]) {
      expect(() => native?.openBeneath(wrong, 'file', O_RDONLY)).toThrow();
    }
    expect(() => native?.openBeneath(file, 'file', O_RDONLY)).toThrow(
      expect.objectContaining({ code: 'ENOTDIR' }),
    );
  });

  it('renameNoReplace: renames, and leaves an existing target alone', () => {
    writeFileSync(join(root, 'box', 'other'), 'other');
    expect(() => native?.renameNoReplace(directory, 'file', directory, 'other')).toThrow(
      expect.objectContaining({ code: 'EEXIST' }),
    );
    expect(readFileSync(join(root, 'box', 'other'), 'utf8')).toBe('other');
    const inner = open('inner');
    native?.renameNoReplace(directory, 'file', inner, 'moved');
    expect(readFileSync(join(root, 'box', 'inner', 'moved'), 'utf8')).toBe('inside');
  });

  it('syncFileSystem and dropPageCache: succeed on a file, fail on a bad descriptor', () => {
    const file = open('file');
    native?.dropPageCache(file);
    native?.syncFileSystem(file);
    expect(readFileSync(file, 'utf8')).toBe('inside');
    const bad: unknown = expect.objectContaining({ code: 'EBADF' });
    expect(() => native?.dropPageCache(1_000_000)).toThrow(bad);
    expect(() => native?.syncFileSystem(1_000_000)).toThrow(bad);
  });
});
