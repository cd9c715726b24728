import { describe, expect, it } from 'vitest';
import { WAN_PROFILES, wanProfile } from './wan-profiles.js';
import { type JudgedRun, type Measured, verdictsOf } from './wan-verdicts.js';

const run = (changes: Partial<JudgedRun> = {}): JudgedRun => ({
  seconds: 5,
  goodputMbps: 430,
  resentShare: 0.001,
  senderPeakBytes: 2e8,
  receiverPeakBytes: 3e8,
  firstDataMs: 100,
  ...changes,
});

const measured = (name: string, changes: Partial<Measured> = {}): Measured => {
  const profile = wanProfile(name);
  const { sizeMb } = profile;
  return { profile, path: 'native', contact: 'first', sizeMb, run: run(), ...changes };
};

const targetsOf = (of: Measured): string[] => verdictsOf(of).map(({ target }) => target);
const metOf = (of: Measured): boolean[] => verdictsOf(of).map(({ met }) => met);

describe('verdictsOf', () => {
  it('asks for more once the peer was seen before', () => {
    expect(metOf(measured('continental'))).toEqual([true, true, true]);
    expect(metOf(measured('continental', { contact: 'seen' }))).toEqual([false, true, true]);
    expect(verdictsOf(measured('continental', { contact: 'seen' }))[0]?.what).toBe(
      'continental, native, seen before: one 300 MB file',
    );
  });

  it('has a target of its own for dgram, and none for dgram to a peer seen before', () => {
    expect(targetsOf(measured('continental', { path: 'dgram' }))[0]).toBe('>= 250 Mbit/s');
    expect(targetsOf(measured('continental', { path: 'dgram', contact: 'seen' }))).toEqual([]);
    expect(targetsOf(measured('metro', { path: 'dgram' }))).toEqual([]);
  });

  it('allows the loss and 2 % to be sent again, and what 30 % of loss take', () => {
    const resent = (name: string, resentShare: number): boolean | undefined =>
      verdictsOf(measured(name, { run: run({ resentShare }) }))[1]?.met;
    expect([resent('bad', 0.069), resent('bad', 0.071)]).toEqual([true, false]);
    expect([resent('terrible', 0.44), resent('terrible', 0.46)]).toEqual([true, false]);
  });

  it('judges 1 MB by first data and by the end: 4 round trips and 0.2 s', () => {
    const of = (seconds: number) =>
      measured('transatlantic', { sizeMb: 1, run: run({ seconds, firstDataMs: 350 }) });
    expect(targetsOf(of(0.55))).toEqual(['<= 0.60 s', '<= 0.60 s']);
    expect(metOf(of(0.55))).toEqual([true, true]);
    expect(metOf(of(0.65))).toEqual([true, false]);
  });

  it('has nothing to say about other sizes', () => {
    expect(verdictsOf(measured('metro', { sizeMb: 50 }))).toEqual([]);
  });
});

describe('WAN_PROFILES', () => {
  it('asks for no more than the link allows, and for more of a peer seen before', () => {
    for (const { limitMbps, targetMbps, seenTargetMbps } of WAN_PROFILES) {
      if (targetMbps !== null) expect(targetMbps).toBeLessThan(limitMbps);
      if (seenTargetMbps !== null) expect(seenTargetMbps).toBeLessThan(limitMbps);
      if (seenTargetMbps !== null) expect(seenTargetMbps).toBeGreaterThan(targetMbps ?? 0);
    }
  });
});
