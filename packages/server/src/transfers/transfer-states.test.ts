import { TRANSFER_STATES } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hasEnded,
  mayBecome,
  TRANSFER_TRANSITIONS,
  type TransferState,
  UNFINISHED_STATES,
} from './transfer-states.js';

const anyState = fc.constantFrom(...TRANSFER_STATES);

/** States that can be reached from one, itself included. */
const reachable = (from: TransferState): Set<TransferState> => {
  const seen = new Set<TransferState>([from]);
  for (const state of seen) for (const next of TRANSFER_TRANSITIONS[state]) seen.add(next);
  return seen;
};

describe('TRANSFER_TRANSITIONS', () => {
  it('has a row for each state that the API shows, and no other', () => {
    expect(Object.keys(TRANSFER_TRANSITIONS).sort()).toEqual([...TRANSFER_STATES].sort());
  });

  it('property: from every state an end can be reached; an end is left for the queue only', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        expect([...reachable(state)].some(hasEnded)).toBe(true);
        if (!hasEnded(state)) return;
        expect(TRANSFER_TRANSITIONS[state]).toEqual(state === 'complete' ? [] : ['queued']);
      }),
    );
  });

  it('property: mayBecome is the table, and nothing becomes what it is', () => {
    fc.assert(
      fc.property(anyState, anyState, (from, to) => {
        expect(mayBecome(from, to)).toBe(TRANSFER_TRANSITIONS[from].some((next) => next === to));
        if (from === to) expect(mayBecome(from, to)).toBe(false);
      }),
    );
  });

  it('every state is reachable from pending, and only queued leads to active', () => {
    expect(reachable('pending').size).toBe(TRANSFER_STATES.length);
    const before = TRANSFER_STATES.filter((state) => mayBecome(state, 'active'));
    expect(before).toEqual(['queued']);
  });

  it('unfinished states are those that have not ended', () => {
    expect(TRANSFER_STATES.filter((state) => !hasEnded(state))).toEqual(UNFINISHED_STATES);
  });
});
