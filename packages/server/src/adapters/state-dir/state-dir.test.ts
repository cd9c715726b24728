import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockStateDir, prepareStateDir } from './state-dir.js';
import { readOptionalFile, writePrivateFile } from './write-private-file.js';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'jetstream-state-'));
});
afterEach(() => rmSync(base, { recursive: true }));

describe('state directory', () => {
  test('is made closed to others, and closed when it was open', () => {
    const made = prepareStateDir(join(base, 'a', 'b'));
    expect(statSync(made).mode & 0o777).toBe(0o700);
    chmodSync(made, 0o755);
    prepareStateDir(made);
    expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  test('that cannot be made is named whole, with the reason', () => {
    const file = join(base, 'file');
    writeFileSync(file, '');
    // Of /proc, Node's own way to make directories never comes back.
    for (const [path, reason] of [
      ['/proc/x/y', 'ENOENT'],
      [join(file, 'below'), 'ENOTDIR'],
      [file, 'it is a file'],
    ] as const) {
      const message = `Cannot make the state directory "${path}": ${reason}, expected a place`;
      expect(() => prepareStateDir(path)).toThrow(message);
    }
  });

  test('belongs to one server at a time', () => {
    const lock = lockStateDir(base);
    expect(() => lockStateDir(base)).toThrow(`process id ${process.pid}`);
    lock.release();
    lockStateDir(base).release();
  });

  test('files in it are written as a whole, for the owner only', () => {
    const path = join(base, 'file');
    expect(readOptionalFile(path)).toBeNull();
    writePrivateFile(path, 'one');
    writePrivateFile(path, 'two');
    expect(readOptionalFile(path)).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});
