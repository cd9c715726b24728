import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HASH_MEMORY_BYTES, HashMemory, type HashPoint } from './hash-memory.js';

let directory = '';
let fd = -1;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hash-memory-'));
  fd = fs.openSync(path.join(directory, 'hashes'), 'w+');
});
afterEach(() => {
  fs.closeSync(fd);
  fs.rmSync(directory, { recursive: true });
});

const point = (index: number): HashPoint => ({
  ...{ index, offset: index * 1000, identity: `7 ${index}`, isClosed: index % 2 === 0 },
  state: Buffer.alloc(1912, index),
});

describe('HashMemory', () => {
  test('keep, load: the last two, newest first, also by a later reader', () => {
    const memory = new HashMemory(fd);
    expect(memory.load()).toEqual([]);
    for (let index = 1; index <= 5; index += 1) memory.keep(point(index));
    expect(new HashMemory(fd).load()).toEqual([point(5), point(4)]);
    const later = new HashMemory(fd);
    later.load();
    later.keep(point(6));
    expect(new HashMemory(fd).load()).toEqual([point(6), point(5)]);
  });

  test('a point without a state; forget: nothing is left', () => {
    const memory = new HashMemory(fd);
    const begin = { index: 3, offset: 0, state: null, identity: null, isClosed: false };
    memory.keep(begin);
    expect(memory.load()).toEqual([begin]);
    memory.forget();
    expect(memory.load()).toEqual([]);
  });

  test('torn or damaged at any byte: only what is whole comes back', () => {
    const memory = new HashMemory(fd);
    for (let index = 1; index <= 3; index += 1) memory.keep(point(index));
    const whole = Buffer.alloc(HASH_MEMORY_BYTES);
    fs.readSync(fd, whole, 0, whole.length, 0);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(whole);
        damaged.writeUInt8((damaged[at] as number) ^ change, at);
        fs.writeSync(fd, damaged, 0, damaged.length, 0);
        const loaded = new HashMemory(fd).load();
        expect([[point(3), point(2)], [point(3)], [point(2)]]).toContainEqual(loaded);
      }),
    );
  });

  test('a state of another kind of processor is not taken', () => {
    const text = JSON.stringify({ ...point(1), layout: '1 other', sequence: 1, state: '' });
    const memory = new HashMemory(fd);
    memory.keep(point(1));
    fs.writeSync(fd, Buffer.from(text), 0, text.length, HASH_MEMORY_BYTES / 2 + 10);
    expect(memory.load()).toEqual([]);
  });

  test('keep: a state that is too large is refused', () => {
    const large = { ...point(1), state: Buffer.alloc(4000) };
    expect(() => new HashMemory(fd).keep(large)).toThrow(/Cannot keep the state of a hash/);
  });
});
