import { expect, it } from 'vitest';
import { LossCeiling } from './loss-ceiling.js';

it('gives the rate up above the ceiling, and takes it back below half of it', () => {
  const ceiling = new LossCeiling(0.5);
  const exceeded = (lost: number): boolean => {
    ceiling.endRound({ resolved: 100, lost });
    return ceiling.exceeded;
  };
  expect([50, 51, 30, 26, 25, 26].map(exceeded)).toEqual([false, true, true, true, false, false]);
});

it('judges nothing by a handful of packets, and nothing without a ceiling', () => {
  const ceiling = new LossCeiling(0.5);
  ceiling.endRound({ resolved: 63, lost: 63 });
  expect(ceiling.exceeded).toBe(false);
  const none = new LossCeiling(0);
  none.endRound({ resolved: 100, lost: 100 });
  expect(none.exceeded).toBe(false);
});
