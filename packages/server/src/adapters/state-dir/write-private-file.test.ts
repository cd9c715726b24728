import type fs from 'node:fs';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readOptionalFile, writePrivateFile } from './write-private-file.js';

/** A disk that takes a few bytes of each call, as one does that is nearly full. */
vi.mock('node:fs', async (original) => {
  const real = await original<{ default: typeof fs }>();
  const writeSync = (fd: number, text: string): number =>
    real.default.writeSync(fd, text.slice(0, 3));
  const changed = { ...real.default, writeSync };
  return { ...changed, default: changed };
});

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'private-file-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('writePrivateFile', () => {
  test('writes all of it, for the owner only, in place of what was there', () => {
    const file = join(directory, 'key');
    for (const text of ['the first text', 'another and longer text']) {
      writePrivateFile(file, text);
      expect(readOptionalFile(file)).toBe(text);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(readdirSync(directory)).toEqual(['key']);
    }
  });
});
