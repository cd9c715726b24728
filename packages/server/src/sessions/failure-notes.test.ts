import { expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { FailureNotes } from './failure-notes.js';
import { LOGIN_LIMITS } from './limits.js';

const { notedPerAddressMax, notedMax, notedWindowMs } = LOGIN_LIMITS;

test('FailureNotes: each client has so many, the last of which says so', () => {
  const notes = new FailureNotes(new ManualClock());
  const told = Array.from({ length: notedPerAddressMax + 2 }, (_, index) =>
    notes.note(`2001:db8:1:2::${index}`),
  );
  expect(told.slice(0, -3).every((note) => note === 'written')).toBe(true);
  expect(told.slice(-3)).toEqual(['last', 'dropped', 'dropped']);
  expect(notes.note('192.0.2.1')).toBe('written');
});

test('FailureNotes: all clients together have so many, and all begin anew after a while', () => {
  const clock = new ManualClock();
  const notes = new FailureNotes(clock);
  const told = Array.from({ length: notedMax + 1 }, (_, index) =>
    notes.note(`10.0.${Math.floor(index / 200)}.${index % 200}`),
  );
  expect(told.slice(-2)).toEqual(['last', 'dropped']);
  clock.advance(notedWindowMs + 1);
  expect(notes.note('10.0.0.1')).toBe('written');
});
