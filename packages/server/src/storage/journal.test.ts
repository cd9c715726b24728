import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Journal, RECORD, type StateRecord } from './journal.js';

let directory = '';
let file = '';
beforeEach(() => {
  directory = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'journal-')), 'one');
  file = path.join(directory, 'journal');
});
afterEach(() => fs.rmSync(path.dirname(directory), { recursive: true }));

type Read = [type: number, payload: string];
const open = (): { journal: Journal; isNew: boolean; read: Read[] } => {
  const read: Read[] = [];
  const opened = Journal.open(directory, (type, payload) => read.push([type, payload.toString()]));
  return { ...opened, read };
};

describe('Journal', () => {
  test('append, open: records come back in order', async () => {
    const first = open();
    expect(first.isNew).toBe(true);
    first.journal.append(RECORD.options, Buffer.from('options'));
    first.journal.appendState({ durable: [[0, 3]], complete: true });
    await first.journal.sync();
    first.journal.close();
    const second = open();
    expect(second.isNew).toBe(false);
    expect(second.read).toEqual([
      [RECORD.options, 'options'],
      [RECORD.state, '{"durable":[[0,3]]}'],
      [RECORD.state, '{"complete":true}'],
    ]);
    second.journal.remove();
    expect(fs.existsSync(directory)).toBe(false);
  });

  test('open: a journal torn or damaged at any byte yields whole records, then goes on', () => {
    const written: Read[] = Array.from({ length: 5 }, (_, number) => [2, `record ${number}`]);
    const { journal } = open();
    for (const [type, payload] of written) journal.append(type, Buffer.from(payload));
    journal.close();
    const whole = fs.readFileSync(file);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.boolean(), (at, cut) => {
        const damaged = Buffer.from(whole);
        damaged[at] = (damaged[at] as number) ^ 0x55;
        fs.writeFileSync(file, cut ? whole.subarray(0, at) : damaged);
        const again = open();
        const intact = Math.floor(at / (whole.length / 5));
        expect(again.read).toEqual(written.slice(0, intact));
        again.journal.append(3, Buffer.from('more'));
        again.journal.close();
        const last = open();
        expect(last.read).toEqual([...written.slice(0, intact), [3, 'more']]);
        last.journal.close();
      }),
      { numRuns: 60 },
    );
  });

  test('compact: keeps lists and merges state', () => {
    const { journal } = open();
    journal.append(RECORD.options, Buffer.from('options'));
    for (let chunk = 0; chunk < 100; chunk += 1) journal.appendState({ durable: [[chunk, 1]] });
    journal.append(RECORD.entries, Buffer.from('entries'));
    const before = fs.statSync(file).size;
    journal.compact({ durable: [[0, 100]] });
    expect(fs.statSync(file).size).toBeLessThan(before / 10);
    journal.append(RECORD.trailers, Buffer.from('trailers'));
    journal.close();
    const again = open();
    expect(again.read).toEqual([
      [RECORD.options, 'options'],
      [RECORD.entries, 'entries'],
      [RECORD.state, '{"durable":[[0,100]]}'],
      [RECORD.trailers, 'trailers'],
    ]);
    again.journal.close();
  });

  test('appendState: long lists are split over records', () => {
    const { journal } = open();
    const durable = Array.from({ length: 25_000 }, (_, at) => [2 * at, 2 * at + 1] as const);
    journal.appendState({ durable });
    journal.close();
    const { read, journal: again } = open();
    expect(read.length).toBe(3);
    const states = read.map(([, payload]) => JSON.parse(payload) as StateRecord);
    expect(states.flatMap((state) => state.durable ?? [])).toEqual(durable);
    again.close();
  });
});
