import { describe, expect, it } from 'vitest';
import { AckDuty } from './ack-duty.js';
import { readAck } from './ack-frame.js';
import { CONTROL_BYTES_MAX } from './wire.js';

const CONTENT = { streamLimit: 5, credits: [{ channel: 1, chunkLimit: 9 }], rateLimit: Infinity };

/** Writes what is due and returns the tops of the frames and their packet numbers. */
const writeAll = (acks: AckDuty, now: number) => {
  const bytes = new Uint8Array(16 * CONTROL_BYTES_MAX);
  const numbers: number[] = [];
  let frames = 0;
  acks.write(CONTENT, now, {
    bytes,
    cell: () => frames * CONTROL_BYTES_MAX,
    push: (length, top) => {
      expect(length).toBeLessThanOrEqual(CONTROL_BYTES_MAX);
      const ack = readAck(bytes, frames * CONTROL_BYTES_MAX, length);
      if (ack === null) throw new Error('the ack is malformed');
      expect(ack.credits).toEqual(CONTENT.credits);
      for (let i = 0; i < (ack.bitmapEnd - ack.bitmapStart) * 8; i += 1) {
        const byte = bytes[ack.bitmapStart + (i >> 3)] as number;
        if ((byte & (1 << (i & 7))) !== 0) numbers.push(top - i);
      }
      frames += 1;
    },
  });
  return { frames, numbers: numbers.sort((a, b) => a - b) };
};

describe('AckDuty', () => {
  it('owe: an ack is due within a quarter of the round trip, 1 to 8 ms', () => {
    for (const [rttUs, wait] of [
      [1000, 1000],
      [20_000, 5000],
      [400_000, 8000],
    ] as const) {
      const acks = new AckDuty();
      acks.note(0, 100);
      acks.owe(100, rttUs);
      expect(acks.dueAt).toBe(100 + wait);
      acks.owe(3000, rttUs);
      expect(acks.dueAt).toBe(100 + wait);
    }
  });

  it('write: names everything that came in, in several frames when one is too small', () => {
    const acks = new AckDuty();
    const noted: number[] = [];
    for (let number = 0; number < 30_000; number += 1) {
      if (number % 5 === 2) continue;
      acks.note(number, number);
      noted.push(number);
    }
    const { frames, numbers } = writeAll(acks, 40_000);
    expect(frames).toBeGreaterThan(2);
    expect(numbers).toEqual(noted);
    expect(acks.dueAt).toBe(Infinity);
  });

  it('hurry: repeats, ever later, until data come in', () => {
    const acks = new AckDuty();
    acks.note(0, 0);
    acks.hurry(0, 40_000);
    const times: number[] = [];
    while (acks.dueAt !== Infinity) {
      times.push(acks.dueAt);
      writeAll(acks, acks.dueAt);
    }
    expect(times.length).toBeGreaterThan(3);
    expect(times.length).toBeLessThan(10);
    const pauses = times.slice(1).map((at, i) => at - (times[i] as number));
    for (const [i, pause] of pauses.slice(1).entries()) expect(pause).toBe(2 * (pauses[i] ?? 0));
    acks.hurry(1e9, 40_000);
    acks.noteData(100, { now: 1e9, packetNumber: 0, continued: false });
    writeAll(acks, acks.dueAt);
    expect(acks.dueAt).toBe(Infinity);
  });

  it('hurry: does not delay what is owed', () => {
    const acks = new AckDuty();
    acks.note(0, 0);
    acks.hurry(0, 1_000_000);
    writeAll(acks, acks.dueAt);
    expect(acks.dueAt).toBeGreaterThan(500_000);
    acks.owe(10_000, 40_000);
    expect(acks.dueAt).toBeLessThanOrEqual(20_000);
  });
});
