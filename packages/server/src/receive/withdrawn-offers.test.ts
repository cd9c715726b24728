/** Offers of senders that have cancelled, decided by the domain. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ReceiveDecision, ReceiveOffer } from '../data/data-plane.js';
import { DomainLab, peerOf } from '../transfers/domain-lab.conformance.js';

const TOKEN = 'js1.id.secret';
const ID = '01'.repeat(16);
let lab: DomainLab;

beforeEach(async () => {
  lab = await DomainLab.open();
  lab.uploadTokens.set(TOKEN, lab.tokenCaller('upload'));
});
afterEach(() => lab.close());

const offer = (change: Partial<ReceiveOffer> = {}): Promise<ReceiveDecision> =>
  lab.plane.events.receiveOffered({
    ...{ transferId: ID, peer: peerOf(1), token: TOKEN, destinationPath: '/in' },
    ...{ overwriteMode: 4, checkpointSeconds: 5, transferFlags: 3 },
    ...{ totalFiles: 2, totalBytes: 1000 },
    ...change,
  });
const withdraw = (change: Partial<ReceiveOffer> = {}) => offer({ withdraws: true, ...change });

const NOTHING = { accepted: false, code: 'cancelled' };
const shown = () => lab.finish('recv.getTransfersAsync', {});

it('what has begun and not ended is opened, to be thrown away, also without its totals', async () => {
  await offer();
  lab.plane.events.receiveEnded(ID, { kind: 'interrupted', message: 'later' });
  await lab.restart();
  const [first, again] = [await withdraw({ totalFiles: null, totalBytes: null }), await withdraw()];
  expect([first, again]).toMatchObject([{ accepted: true }, { accepted: true }]);
  const message = 'it was cancelled';
  const outcome = { kind: 'failed', code: 'cancelled', message, discarded: true } as const;
  lab.plane.events.receiveEnded(ID, outcome);
  await lab.settled();
  expect(await shown()).toMatchObject([{ status: 'error', errorMessage: message }]);
  expect(await withdraw()).toMatchObject(NOTHING);
});

it('what was kept for a retry is opened as well', async () => {
  await offer();
  const outcome = { kind: 'failed', code: 'cancelled', message: 'kept', discarded: false } as const;
  lab.plane.events.receiveEnded(ID, outcome);
  expect(await withdraw()).toMatchObject({ accepted: true });
});

it('what is complete, unknown, or of another server is left alone, and nothing begins', async () => {
  expect(await withdraw()).toMatchObject(NOTHING);
  expect(await shown()).toEqual([]);
  await offer();
  expect(await withdraw({ peer: peerOf(2) })).toMatchObject(NOTHING);
  const facts = { fileErrors: [], receiptPath: '/receipt.json', bytes: 1000, files: 2 };
  lab.plane.events.receiveEnded(ID, { kind: 'complete', ...facts });
  await lab.settled();
  expect(await withdraw()).toMatchObject(NOTHING);
  expect(await shown()).toMatchObject([{ status: 'complete' }]);
});

it('takes the right that sending takes', async () => {
  await offer();
  lab.plane.events.receiveEnded(ID, { kind: 'interrupted', message: 'later' });
  expect(await withdraw({ token: null })).toMatchObject({ code: 'peer_refused' });
  expect(await withdraw({ token: 'js1.wrong' })).toMatchObject({ code: 'peer_refused' });
});
