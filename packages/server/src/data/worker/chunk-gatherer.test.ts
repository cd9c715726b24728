import { beforeEach, describe, expect, it } from 'vitest';
import { ChunkGatherer } from './chunk-gatherer.js';

const chunkOf = (chunk: number) => ({ chunk, offset: chunk * 1000, contentBytes: 900 });

describe('ChunkGatherer', () => {
  let written: number[];
  let timers: { ms: number; run: () => void; cancelled: boolean }[];
  let isLast: boolean;
  let gatherer: ChunkGatherer;

  beforeEach(() => {
    written = [];
    timers = [];
    isLast = false;
    gatherer = new ChunkGatherer({
      write: ({ chunk }) => written.push(chunk),
      isLast: () => isLast,
      after: (ms, run) => {
        const timer = { ms, run, cancelled: false };
        timers.push(timer);
        return () => {
          timer.cancelled = true;
        };
      },
    });
  });

  it('writes four together, in the order in which they came', () => {
    for (const chunk of [3, 1, 2]) gatherer.add(chunkOf(chunk));
    expect(written).toEqual([]);
    gatherer.add(chunkOf(0));
    expect(written).toEqual([3, 1, 2, 0]);
    expect(timers).toMatchObject([{ cancelled: true }]);
  });

  it('writes fewer when no others come for 16 ms after the first', () => {
    gatherer.add(chunkOf(7));
    gatherer.add(chunkOf(8));
    expect(timers).toMatchObject([{ ms: 16, cancelled: false }]);
    timers[0]?.run();
    expect(written).toEqual([7, 8]);
    gatherer.add(chunkOf(9));
    expect(timers.length).toBe(2);
  });

  it('writes at once what nothing follows', () => {
    gatherer.add(chunkOf(0));
    isLast = true;
    gatherer.add(chunkOf(1));
    expect(written).toEqual([0, 1]);
  });

  it('gives back what nobody is to write', () => {
    gatherer.add(chunkOf(4));
    expect(gatherer.takeAll()).toEqual([chunkOf(4)]);
    expect(timers).toMatchObject([{ cancelled: true }]);
    gatherer.flush();
    expect(written).toEqual([]);
  });
});
