import type { BigIntStats } from 'node:fs';
import { CommandError } from '@jetstream/contract';
import { describe, expect, test } from 'vitest';
import { type NamesRoot, TargetNames } from './target-names.js';

/** A directory as a file system has it that keeps the case of names and does not look at it. */
const caseBlindRoot = (files: Map<string, bigint>, isBlind = true): NamesRoot => {
  const key = (components: readonly string[]): string =>
    isBlind ? components.join('/').toLowerCase() : components.join('/');
  return {
    exists: (at) => files.has(key(at)),
    lstat: (at) => ({ ino: files.get(key(at)), isDirectory: () => false }) as BigIntStats,
    rename: (from, to) => {
      files.set(key(to), files.get(key(from)) ?? 0n);
      files.delete(key(from));
    },
    renameNoReplace: () => undefined,
    unlink: (at) => void files.delete(key(at)),
  };
};

const codeOf = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof CommandError) return error.code;
    throw error;
  }
  return '';
};

const deliver = (isBlind: boolean, published: string[]): string[] => {
  const files = new Map<string, bigint>();
  const names = new TargetNames({
    root: caseBlindRoot(files, isBlind),
    published: () => published,
  });
  return ['d/File.txt', 'd/other', 'd/file.TXT', 'd/u\u0308.txt', 'd/ü.txt'].map((path, index) => {
    const work = ['d', `.jetpart-${index}`];
    files.set(work.join('/'), BigInt(index));
    return codeOf(() => names.publish(work, path.split('/'), 4));
  });
};

describe('TargetNames: names that differ in case only', () => {
  test('where the file system does not tell them apart, the later file fails', () => {
    expect(deliver(true, [])).toEqual(['', '', 'already_exists', '', 'already_exists']);
  });

  test('names of an earlier attempt count, the same name again does not', () => {
    const errors = deliver(true, ['d/FILE.txt', 'd/other']);
    expect(errors).toEqual(['already_exists', '', 'already_exists', '', 'already_exists']);
  });

  test('elsewhere they are just names', () => {
    expect(deliver(false, ['d/FILE.txt'])).toEqual(['', '', '', '', '']);
  });
});

test('a backup whose name is too long is named, and what was there stays', () => {
  const files = new Map([
    ['d/old', 1n],
    ['d/.jetpart-0', 2n],
  ]);
  const disk = caseBlindRoot(files, false);
  const tooLong = Object.assign(new Error('too long'), { code: 'ENAMETOOLONG' });
  const root: NamesRoot = {
    ...disk,
    rename: (from, to) => {
      if (to.at(-1)?.endsWith('.jetbak')) throw tooLong;
      disk.rename(from, to);
    },
  };
  const names = new TargetNames({ root, published: () => [] });
  expect(() => names.publish(['d', '.jetpart-0'], ['d', 'old'], 5)).toThrow(
    'Cannot keep what was there as "/d/old.jetbak"',
  );
  expect(files.get('d/old')).toBe(1n);
});
