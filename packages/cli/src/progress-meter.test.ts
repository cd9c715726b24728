import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { progressText } from './copy-view.js';
import { ProgressMeter } from './progress-meter.js';
import { bytesText, durationText, rateText } from './quantity.js';

describe('ProgressMeter', () => {
  it('measures the rate over the last five seconds', () => {
    const meter = new ProgressMeter(0, 0);
    for (let second = 1; second <= 10; second += 1) {
      meter.update({ doneBytes: second * 100, totalBytes: 3000 }, second * 1000);
    }
    expect(meter.snapshot(10_000)).toEqual({
      doneBytes: 1000,
      totalBytes: 3000,
      totalsGrow: false,
      fraction: 1 / 3,
      rateBytesPerSecond: 100,
      etaSeconds: 20,
      elapsedSeconds: 10,
    });
    for (let second = 11; second <= 15; second += 1) {
      meter.update({ doneBytes: 1000 + (second - 10) * 200, totalBytes: 3000 }, second * 1000);
    }
    expect(meter.snapshot(15_000).rateBytesPerSecond).toBe(200);
  });

  it('knows no ETA while nothing moves, and none is left at the end', () => {
    const meter = new ProgressMeter(100, 0);
    expect(meter.update({ doneBytes: 0, totalBytes: 100 }, 1000).etaSeconds).toBeNull();
    expect(meter.update({ doneBytes: 100, totalBytes: 100 }, 2000).etaSeconds).toBe(0);
  });

  it('is complete when there is nothing to move', () => {
    expect(new ProgressMeter(0, 0).update({ doneBytes: 0, totalBytes: 0 }, 1).fraction).toBe(1);
  });

  it('never runs backwards, nor over the total', () => {
    const steps = fc.array(fc.record({ doneBytes: fc.nat(2000), ms: fc.nat(3000) }));
    fc.assert(
      fc.property(steps, (updates) => {
        const meter = new ProgressMeter(1000, 0);
        let nowMs = 0;
        let last = 0;
        for (const { doneBytes, ms } of updates) {
          nowMs += ms;
          const snapshot = meter.update({ doneBytes, totalBytes: 1000 }, nowMs);
          expect(snapshot.doneBytes).toBeGreaterThanOrEqual(last);
          expect(snapshot.fraction).toBeLessThanOrEqual(1);
          expect(snapshot.rateBytesPerSecond).toBeGreaterThanOrEqual(0);
          last = snapshot.doneBytes;
        }
      }),
    );
  });
});

describe('quantities', () => {
  it('are written in decimal units', () => {
    expect([0, 999, 1000, 1_250_000, 99_960_000, 3e15].map(bytesText)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '1.3 MB',
      '100 MB',
      '3.0 PB',
    ]);
    expect(rateText(125_000_000)).toBe('1.0 Gbit/s');
  });

  it('has durations like a clock', () => {
    expect([0, 6.2, 60, 754, 11_045].map(durationText)).toEqual([
      '0:00',
      '0:07',
      '1:00',
      '12:34',
      '3:04:05',
    ]);
    expect(durationText(null)).toBe('-');
  });

  it('make up the text beside the bar', () => {
    const snapshot = new ProgressMeter(0, 0).update({ doneBytes: 5e8, totalBytes: 1e9 }, 4000);
    expect(progressText(snapshot)).toBe(' 50%  500 MB of 1.0 GB  1.0 Gbit/s  ETA 0:04');
  });

  it('shows no share and no time to go while the total grows', () => {
    const meter = new ProgressMeter(0, 0);
    meter.update({ doneBytes: 0, totalBytes: 100, totalsGrow: true }, 0);
    const growing = meter.update({ doneBytes: 100, totalBytes: 100, totalsGrow: true }, 1000);
    expect(growing).toMatchObject({ fraction: 0, etaSeconds: null, totalsGrow: true });
    const known = meter.update({ doneBytes: 100, totalBytes: 200 }, 2000);
    expect(known).toMatchObject({ fraction: 0.5, etaSeconds: 2, totalsGrow: false });
  });
});
