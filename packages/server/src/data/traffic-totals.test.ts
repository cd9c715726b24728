import { expect, test } from 'vitest';
import { TrafficTotals } from './traffic-totals.js';

test('TrafficTotals: adds up what is new of each attempt', () => {
  const totals = new TrafficTotals();
  totals.sent('a', 100);
  totals.sent('b', 10);
  totals.sent('a', 150);
  totals.received('a', 7);
  expect([totals.sentBytes, totals.receivedBytes]).toEqual([160, 7]);
  // The next attempt of a transfer begins at zero again.
  totals.sendEnded('a');
  totals.sent('a', 30);
  totals.receiveEnded('a');
  totals.received('a', 3);
  expect([totals.sentBytes, totals.receivedBytes]).toEqual([190, 10]);
});
