import { describe, expect, it } from 'vitest';
import { TrainReadings } from './train-readings.js';

const readingsOf = (...rates: readonly number[]): TrainReadings => {
  const readings = new TrainReadings();
  for (const rate of rates) readings.add(rate);
  return readings;
};

describe('TrainReadings', () => {
  it('apply: without a reading the rate stands', () => {
    expect(readingsOf().apply(3)).toBe(3);
  });

  it('apply: one reading helps a little and bounds nothing, two help and bound', () => {
    expect(readingsOf(50).apply(3)).toBe(20);
    expect(readingsOf(50).apply(70)).toBe(70);
    expect(readingsOf(50, 50).apply(3)).toBe(40);
    expect(readingsOf(50, 50).apply(70)).toBeCloseTo(52.5);
  });

  it('apply: those that a late receiver made slow do not count', () => {
    expect(readingsOf(10, 8, 50).apply(3)).toBe(40);
    expect(readingsOf(10, 50, 8, 50, 12, 9, 49).apply(3)).toBe(40);
  });

  it('apply: the median bounds what is tried', () => {
    expect(readingsOf(40, 42, 44, 50, 60).apply(200)).toBeCloseTo(46.2);
  });

  it('apply: a single one out of many that is too high does not count', () => {
    expect(readingsOf(50, 50, 50, 50, 50, 50, 500).apply(3)).toBe(40);
  });

  it('apply: what an earlier flow has delivered is trusted more than trains', () => {
    expect(new TrainReadings(50).apply(3)).toBeCloseTo(47.5);
    expect(new TrainReadings(50).apply(70)).toBeCloseTo(52.5);
    expect(new TrainReadings(0).apply(3)).toBe(3);
  });
});
