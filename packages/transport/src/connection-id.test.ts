import { describe, expect, it } from 'vitest';
import { freeConnectionId } from './connection-id.js';
import type { PacketIO } from './packet-io.js';

/** The id that comes of these numbers, drawn in turn. */
const choose = (idPrefix: number | undefined, drawn: number[], taken: number[] = []): number => {
  const random = (): number => drawn.shift() ?? Number.NaN;
  return freeConnectionId({ io: { idPrefix } as PacketIO, random }, (id) => taken.includes(id));
};

describe('freeConnectionId', () => {
  it('takes any number where the socket has no prefix', () => {
    expect(choose(undefined, [0xfe_dc_ba_98])).toBe(0xfe_dc_ba_98);
  });

  it('begins with the prefix of the socket', () => {
    expect(choose(0xa5, [0xfe_dc_ba_98])).toBe(0xa5_dc_ba_98);
    expect(choose(0, [0xfe_dc_ba_98])).toBe(0x00_dc_ba_98);
  });

  it('is never 0, nor one that is taken', () => {
    expect(choose(0, [0xff_00_00_00, 7, 8], [7])).toBe(8);
  });
});
