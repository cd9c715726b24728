import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ARGUMENT_CHARACTERS_MAX } from '../triggers/trigger-limits.js';
import { parseTriggerRequest, parseTriggerStop } from './trigger-messages.js';
import { decodeTriggerEnd } from './trigger-runner-messages.js';
import { TriggerRuns, wayFault } from './trigger-runs.js';

const call = { name: 'recv.transferComplete', args: ['a', ''], owner: 'ann', eventSeq: 3 };
const request = { id: 1, user: 'ann', call, timeLimitMs: 1000, keepsOutput: false };

const parse = (change: object): unknown =>
  parseTriggerRequest(JSON.stringify({ ...request, ...change }));
const parseCall = (change: object): unknown => parse({ call: { ...call, ...change } });

describe('messages about triggers', () => {
  test('a whole request passes', () => {
    expect(parse({})).toEqual(request);
    expect(parseCall({ eventSeq: null })).not.toBeNull();
    expect(parseTriggerStop('{"stopTrigger":7}')).toBe(7);
  });

  test('property: nothing else does', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseTriggerRequest(text)).toBeNull();
        expect(parseTriggerStop(text)).toBeNull();
        expect(decodeTriggerEnd(text)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(request)), fc.jsonValue(), (key, value) => {
        const parsed = parse({ [key]: value });
        expect(parsed === null || typeof value === typeof Reflect.get(request, key)).toBe(true);
      }),
    );
  });

  test('the name of a trigger is no path and no option', () => {
    for (const name of ['../x', '..', '.', 'a/b', '/bin/sh', '-x', 'a.b.c', 'a b', '', 'a\0']) {
      expect(parseCall({ name }), JSON.stringify(name)).toBeNull();
    }
  });

  test('bounds', () => {
    expect(parseCall({ args: ['x'.repeat(ARGUMENT_CHARACTERS_MAX)] })).not.toBeNull();
    expect(parseCall({ args: ['x'.repeat(ARGUMENT_CHARACTERS_MAX + 1)] })).toBeNull();
    expect(parseCall({ args: Array.from({ length: 33 }, () => '') })).toBeNull();
    expect(parseCall({ args: ['a\0'] })).toBeNull();
    expect(parse({ timeLimitMs: 86_400_001 })).toBeNull();
    expect(parse({ timeLimitMs: 0 })).toBeNull();
    expect(parse({ user: 'a'.repeat(65) })).toBeNull();
    expect(parse({ more: 1 })).toBeNull();
  });
});

describe('TriggerRuns', () => {
  test('a directory that others can change, or its parents, is not run from', () => {
    const place = mkdtempSync(join(tmpdir(), 'jetstream-way-'));
    try {
      const directory = join(place, 'a', 'triggers');
      mkdirSync(directory, { recursive: true });
      const isRoot = process.getuid?.() === 0;
      if (isRoot) expect(wayFault(directory)).toBeNull();
      for (const open of [directory, join(place, 'a')]) {
        chmodSync(open, 0o777);
        expect(wayFault(directory)).toContain('others than root can change');
        chmodSync(open, 0o755);
      }
      expect(wayFault(join(place, 'none'))).toContain('ENOENT');
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  test('runs nothing for an account that is not acted for', async () => {
    const runs = new TriggerRuns({
      directory: '/nonexistent',
      decide: () =>
        Promise.resolve({
          account: null,
          refused: 'never logged in',
          isTransient: false,
          endsAccess: true,
        }),
    });
    const end = await runs.run(request);
    expect(end).toMatchObject({ exitCode: null, output: '' });
    expect(end.reason).toContain('never logged in');
  });
});
