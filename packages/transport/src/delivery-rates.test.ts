import { describe, expect, it } from 'vitest';
import { DeliveryRates } from './delivery-rates.js';
import type { AckSummary } from './packet-ledger.js';

const sample = (deliveryRate: number, deliveryAppLimited = false): AckSummary =>
  ({ deliveryRate, deliveryAppLimited }) as AckSummary;

/** One round with one sample each. */
const ratesOf = (...rounds: readonly number[]): DeliveryRates => {
  const rates = new DeliveryRates();
  for (const rate of rounds) {
    rates.note(sample(rate));
    rates.endRound();
  }
  return rates;
};

describe('DeliveryRates', () => {
  it('the highest of ten rounds counts', () => {
    const rates = ratesOf(50, 40, 40, 40, 40, 40, 40, 40, 40);
    expect(rates.highest).toBe(50);
    rates.note(sample(40));
    rates.endRound();
    expect(rates.highest).toBe(40);
  });

  it('rounds without a sample do not bring it to nothing', () => {
    const rates = ratesOf(50);
    for (let i = 0; i < 20; i += 1) rates.endRound();
    expect(rates.highest).toBe(50);
  });

  it('a sender without content can raise it only', () => {
    const rates = ratesOf(50);
    rates.note(sample(10, true));
    expect(rates.present).toBe(0);
    rates.note(sample(60, true));
    expect(rates.highest).toBe(60);
  });

  it('collapse: only the present round counts, at once', () => {
    const rates = ratesOf(50, 50);
    rates.note(sample(5));
    rates.collapse();
    expect(rates.highest).toBe(5);
  });

  it('what was measured before so many rounds can be left out, or forgotten at once', () => {
    const rates = ratesOf(80, 50, 40, 45);
    expect(rates.highestOfLast(2)).toBe(45);
    expect(rates.highestOfLast(9)).toBe(80);
    rates.keep(3);
    expect(rates.highest).toBe(50);
    expect(ratesOf().highestOfLast(2)).toBe(0);
  });
});
