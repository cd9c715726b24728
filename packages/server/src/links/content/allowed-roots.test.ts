import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkRoots } from './allowed-roots.js';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'allowed-roots-'));
  mkdirSync(join(base, 'wide/narrow'), { recursive: true });
  mkdirSync(join(base, 'wider'));
  symlinkSync('wide', join(base, 'link'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const isAllowed = (roots: readonly string[], allowed: readonly string[]): boolean => {
  try {
    checkRoots(roots, allowed);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.code === 'not_found') return false;
    throw error;
  }
};

describe('checkRoots', () => {
  test('what lies in a root of the owner, by any name of it', () => {
    expect(isAllowed([`${base}/wide/narrow`], [`${base}/wide`])).toBe(true);
    expect(isAllowed([`${base}/wide`], [`${base}/link`])).toBe(true);
    expect(isAllowed([`${base}/link/narrow`], [`${base}/wide`])).toBe(true);
    expect(isAllowed([`${base}/wide`], ['/'])).toBe(true);
    expect(isAllowed([], [])).toBe(true);
  });

  test('what lies beside or above is refused, and so is one stray among others', () => {
    expect(isAllowed([`${base}/wider`], [`${base}/wide`])).toBe(false);
    expect(isAllowed([base], [`${base}/wide`])).toBe(false);
    expect(isAllowed([`${base}/wide`, `${base}/wider`], [`${base}/wide`])).toBe(false);
    expect(isAllowed([`${base}/wide`], [])).toBe(false);
  });

  test('files of one account are never those of another', () => {
    expect(isAllowed(['ann:/srv/a'], ['ann:/srv'])).toBe(true);
    expect(isAllowed(['ann:/srv/a'], ['bob:/srv'])).toBe(false);
    expect(isAllowed(['ann:/srv/a'], ['/'])).toBe(false);
    expect(isAllowed(['/srv/a'], ['ann:/'])).toBe(false);
  });
});
