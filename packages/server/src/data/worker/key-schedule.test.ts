/** The key schedule against the vectors of docs/protocol-vectors.json, which are made without it. */
import { readFileSync } from 'node:fs';
import type { Cipher } from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import { createKeySchedule } from './key-schedule.js';

interface Epoch {
  readonly key: string;
  readonly iv: string;
}
interface Schedule {
  readonly cipher: Cipher;
  readonly client: readonly Epoch[];
  readonly server: readonly Epoch[];
}

const path = new URL('../../../../../docs/protocol-vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(path, 'utf8')) as {
  exported: string;
  keySchedules: readonly Schedule[];
};
const exported = new Uint8Array(Buffer.from(vectors.exported, 'hex'));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('createKeySchedule', () => {
  it.each(vectors.keySchedules)('gives the keys of the vectors: cipher $cipher', (wanted) => {
    for (const role of ['client', 'server'] as const) {
      const schedule = createKeySchedule(exported, role, wanted.cipher);
      const other = role === 'client' ? 'server' : 'client';
      for (let epoch = 0; epoch < wanted.client.length; epoch += 1) {
        const send = schedule.keys('send', epoch);
        const receive = schedule.keys('receive', epoch);
        const found = [hex(send.key), hex(send.iv), hex(receive.key), hex(receive.iv)];
        const [own, peer] = [wanted[role][epoch], wanted[other][epoch]];
        expect(found).toEqual([own?.key, own?.iv, peer?.key, peer?.iv]);
      }
    }
  });

  it('does not go back to an epoch that has passed', () => {
    const schedule = createKeySchedule(exported, 'client', 2);
    schedule.keys('send', 2);
    expect(() => schedule.keys('send', 1)).toThrow('it has passed');
  });
});
