import { describe, expect, it } from 'vitest';
import { StartupWatch } from './startup-watch.js';

const QUEUED_US = 120_000;
const round = { resolved: 500, lost: 0 };

/** A start whose path has been timed by trains, or not. */
const watch = (trains: number): StartupWatch => {
  const startup = new StartupWatch(0);
  for (let train = 0; train < trains; train += 1) startup.noteTrain(60);
  return startup;
};

const samples = (startup: StartupWatch, rttUs: number, count = 5): void => {
  for (let sample = 0; sample < count; sample += 1) startup.noteRtt(rttUs, QUEUED_US);
};

describe('StartupWatch', () => {
  it('on an unknown path three longer round trips in a row are a queue', () => {
    const startup = watch(0);
    samples(startup, 130_000, 2);
    samples(startup, 110_000, 1);
    samples(startup, 130_000, 2);
    expect(startup.isDone(round)).toBe(false);
    samples(startup, 130_000, 1);
    expect(startup.isDone(round)).toBe(true);
  });

  it('on a timed path a receiver that stalls at the beginning is no queue', () => {
    const startup = watch(2);
    samples(startup, 170_000);
    startup.endRound(5, round);
    samples(startup, 170_000);
    startup.endRound(25, round);
    expect(startup.isDone(round)).toBe(false);
    samples(startup, 105_000);
    startup.endRound(58, round);
    expect(startup.isDone(round)).toBe(false);
  });

  it('on a timed path a queue that stands for a round, with no more arriving, ends the start', () => {
    const startup = watch(2);
    startup.endRound(58, round);
    samples(startup, 130_000);
    startup.endRound(59, round);
    expect(startup.isDone(round)).toBe(false);
    samples(startup, 130_000);
    startup.endRound(59, round);
    expect(startup.isDone(round)).toBe(true);
  });

  it('three rounds in which no more arrives end it, and a jump in losses', () => {
    const startup = watch(2);
    for (let ended = 0; ended < 3; ended += 1) {
      startup.endRound(58, round);
      expect(startup.isDone(round)).toBe(false);
    }
    startup.endRound(58, round);
    expect(startup.isDone(round)).toBe(true);
    const lossy = watch(2);
    lossy.endRound(10, round);
    expect(lossy.isDone({ resolved: 500, lost: 83 })).toBe(true);
    expect(lossy.isDone({ resolved: 500, lost: 82 })).toBe(false);
  });

  it('trains that say too much count until whole windows have been delivered', () => {
    const startup = watch(2);
    // Nothing but an offer and its answer.
    for (let ended = 0; ended < 3; ended += 1) startup.endRound(0, { resolved: 2, lost: 0 });
    startup.endRound(2, round);
    expect(startup.rate(2, 5)).toBeCloseTo(48);
    startup.endRound(10, round);
    expect(startup.rate(10, 5)).toBeCloseTo(24);
    startup.endRound(24, round);
    expect(startup.rate(24, 5)).toBeCloseTo(57.6);
    startup.endRound(58, round);
    expect(startup.rate(58, 5)).toBeCloseTo(63);
  });

  it('leaves room where trains have bounded it, and neither a queue nor losses were met', () => {
    const timed = watch(2);
    expect(timed.leavesRoom).toBe(true);
    samples(timed, 130_000, 1);
    expect(timed.leavesRoom).toBe(false);
    expect(watch(0).leavesRoom).toBe(false);
    const lossy = watch(2);
    lossy.endRound(10, round);
    lossy.isDone({ resolved: 500, lost: 83 });
    expect(lossy.leavesRoom).toBe(false);
  });
});
