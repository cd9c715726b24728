import { TRANSFER_STATES } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SendOutcome } from '../data/data-plane.js';
import { verifyEvents } from '../events/verify-events.js';
import { BROKEN, COMPLETE, DomainLab, peerOf, progressOf } from './domain-lab.conformance.js';
import { mayBecome, type TransferState } from './transfer-states.js';

type Step = (lab: DomainLab, transferId: string) => unknown;

const FAILED = { kind: 'failed', code: 'peer_refused', message: 'no' } as const;

/** Ends the attempt, if one runs. */
const ending =
  (outcome: SendOutcome): Step =>
  (lab, id) => {
    if (lab.plane.running.includes(id)) lab.plane.end(id, outcome);
  };

/** What may happen to a transfer, in any order. */
const STEPS: Readonly<Record<string, Step>> = {
  start: (lab, id) => lab.plane.events.sendStarted(id, peerOf(1)),
  otherKey: (lab, id) => lab.plane.events.sendStarted(id, peerOf(2)),
  progress: (lab, id) => lab.plane.events.sendProgress(id, progressOf({ bytesDurable: 100 })),
  complete: ending(COMPLETE),
  broken: ending(BROKEN),
  failed: ending(FAILED),
  cancel: (lab, transferId) => lab.call('send.cancelTransfer', { transferId }).catch(() => {}),
  suspend: (lab, transferId) => lab.call('send.suspendTransfer', { transferId }).catch(() => {}),
  resume: (lab, transferId) => lab.call('send.resumeTransfer', { transferId }).catch(() => {}),
  retry: (lab, transferId) => lab.call('send.retryTransfer', { transferId }).catch(() => {}),
  fail: (lab, transferId) =>
    lab.call('send.failTransfer', { transferId, errorMessage: 'no' }).catch(() => {}),
  update: (lab, transferId) =>
    lab.call('send.updateTransfer', { transferId, priority: 7, sendRateMax: 10 }).catch(() => {}),
  wait: (lab) => lab.clock.advance(30_000),
  longWait: (lab) => lab.clock.advance(3 * 86_400_000),
  restart: (lab) => lab.restart(),
  strayEnd: (lab) => lab.plane.events.sendEnded('0'.repeat(32), COMPLETE),
};

/** Whether one state can become another in one or more steps of the table. */
const mayLeadTo = (from: TransferState, to: TransferState): boolean => {
  const seen = new Set<TransferState>([from]);
  for (const state of seen) {
    for (const next of TRANSFER_STATES) if (mayBecome(state, next)) seen.add(next);
  }
  return seen.has(to);
};

describe('TransferEngine', () => {
  it('property: whatever happens, states follow the table, slots come back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...Object.keys(STEPS)), { maxLength: 14 }),
        async (names) => {
          const lab = await DomainLab.open();
          try {
            const { transferId } = await lab.transfer();
            let last: TransferState = 'pending';
            for (const name of names) {
              await STEPS[name]?.(lab, transferId);
              await lab.settled();
              const { status, endTime } = await lab.show(transferId);
              expect(mayLeadTo(last, status), `${last} to ${status} by ${name}`).toBe(true);
              expect(endTime !== null).toBe(['complete', 'error', 'cancelled'].includes(status));
              last = status;
            }
            const logged = await lab.eventsOf('transferUpdated');
            logged.reduce((from: TransferState, event) => {
              const to = event.fields.status as TransferState;
              expect(from === to || mayLeadTo(from, to), `logged ${from} to ${to}`).toBe(true);
              return to;
            }, 'pending');
            expect((await verifyEvents(lab.database.db)).fault).toBeNull();
            // Another transfer gets its turn once this one is out of the way.
            await lab.call('send.cancelTransfer', { transferId }).catch(() => {});
            for (const running of lab.plane.running) lab.plane.end(running, BROKEN);
            const next = await lab.transfer();
            await lab.sent(next.transferId);
          } finally {
            await lab.close();
          }
        },
      ),
      { numRuns: 25 },
    );
  });
});
