import { describe, expect, it } from 'vitest';
import { CalmLoss } from './calm-loss.js';

describe('CalmLoss', () => {
  it('says nothing until a hundred packets are resolved, and no more than a half', () => {
    const loss = new CalmLoss();
    loss.note(99, 50);
    expect(loss.share).toBe(0);
    loss.note(101, 140);
    expect(loss.share).toBe(0.5);
  });

  it('a collapse takes back what the last rounds have told, and the next ones do not count', () => {
    const loss = new CalmLoss();
    for (let i = 0; i < 10; i += 1) {
      loss.note(1000, 10);
      loss.endRound();
    }
    loss.note(1000, 900);
    expect(loss.share).toBeGreaterThan(0.08);
    expect(loss.earlierShare).toBeCloseTo(0.01);
    loss.collapsed();
    expect(loss.share).toBeCloseTo(0.01);
    loss.note(1000, 900);
    expect(loss.share).toBeCloseTo(0.01);
    for (let i = 0; i < 4; i += 1) loss.endRound();
    loss.note(7000, 70 * 5);
    expect(loss.share).toBeCloseTo(0.03);
  });

  it('follows a path that changes', () => {
    const loss = new CalmLoss();
    for (let i = 0; i < 100; i += 1) loss.note(1000, 100);
    expect(loss.share).toBeCloseTo(0.1);
    for (let i = 0; i < 200; i += 1) {
      loss.note(1000, 0);
      loss.endRound();
    }
    expect(loss.share).toBeLessThan(0.001);
    expect(loss.earlierShare).toBeLessThan(0.001);
  });
});
