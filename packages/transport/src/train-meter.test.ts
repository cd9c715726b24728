import { describe, expect, it } from 'vitest';
import { TrainMeter } from './train-meter.js';

const BYTES = 1250;
const TRAIN = 32;

/** A train at 50 bytes per microsecond that a reader sees at these moments only. */
const feed = (meter: TrainMeter, firstNumber: number, readAt: readonly number[]): void => {
  let read = 0;
  for (let i = 0; i < TRAIN; i += 1) {
    const arrivedAt = readAt[0] === undefined ? 0 : 10_000 + (i * BYTES) / 50;
    while (read < readAt.length - 1 && (readAt[read] as number) < arrivedAt) read += 1;
    const now = Math.max(arrivedAt, readAt[read] ?? arrivedAt);
    meter.add(BYTES, { now, packetNumber: firstNumber + i, continued: i > 0 });
  }
};

describe('TrainMeter', () => {
  it('take: yields the rate of a train, once', () => {
    const meter = new TrainMeter();
    feed(meter, 0, [10_000]);
    expect(meter.take()).toBeCloseTo(50, 0);
    expect(meter.take()).toBe(0);
  });

  it('a train under way when it is asked for goes on as another', () => {
    const meter = new TrainMeter();
    for (let i = 0; i < 64; i += 1) {
      meter.add(BYTES, { now: 10_000 + i * 25, packetNumber: i, continued: i > 0 });
      if (i === 31) expect(meter.take()).toBeCloseTo(50, 0);
    }
    expect(meter.take()).toBeCloseTo(50, 0);
  });

  it('a late reader makes it look slow, or says nothing, but never makes it look fast', () => {
    for (let late = 0; late < 2000; late += 50) {
      const meter = new TrainMeter();
      feed(meter, 0, [10_000 + late, 10_400 + late, 10_800 + late, 13_000]);
      expect(meter.take()).toBeLessThan(50 * 1.1);
    }
  });
});
