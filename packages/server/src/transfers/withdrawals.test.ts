import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CANCELLED } from './attempt-samples.conformance.js';
import { BROKEN, COMPLETE, DomainLab, keyOf, peerOf } from './domain-lab.conformance.js';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
let lab: DomainLab;

beforeEach(async () => {
  lab = await DomainLab.open();
});
afterEach(() => lab.close());

/** A transfer whose flow stands. */
const running = async (): Promise<string> => {
  const { transferId } = await lab.transfer({ destinationPath: '/in', sendRateMax: 5000 });
  await lab.sent(transferId);
  lab.plane.events.sendStarted(transferId, peerOf(1));
  return transferId;
};

/** Attempts to have the receiver throw something away, of all data planes. */
const withdrawn = (): string[] =>
  lab.planes
    .flatMap((plane) => plane.orders)
    .flatMap((order) => (order.withdraws === true ? order.transferId : []));

const cancel = (transferId: string, keepPartial = false) =>
  lab.call('send.cancelTransfer', { transferId, keepPartial });

describe('cancelling', () => {
  it('has the receiver throw away what it holds of a suspended transfer', async () => {
    const transferId = await running();
    await lab.call('send.suspendTransfer', { transferId });
    lab.plane.end(transferId, CANCELLED);
    await cancel(transferId);
    const order = lab.plane.order(transferId);
    expect(order).toMatchObject({ withdraws: true, destinationPath: '/in', rateMaxKbps: null });
    expect(order.destination.publicKey).toBe(keyOf(1));
    lab.plane.end(transferId, CANCELLED);
    lab.clock.advance(DAY_MS);
    await lab.restart();
    expect(withdrawn()).toEqual([transferId]);
  });

  it('does so after the end of the attempt that was under way', async () => {
    const transferId = await running();
    await cancel(transferId);
    expect(withdrawn()).toEqual([]);
    lab.plane.end(transferId, CANCELLED);
    expect(withdrawn()).toEqual([transferId]);
  });

  it('tries until the receiver answers, over restarts of the server', async () => {
    const transferId = await running();
    lab.plane.end(transferId, BROKEN);
    await cancel(transferId);
    lab.plane.end(transferId, BROKEN);
    expect(withdrawn()).toHaveLength(1);
    lab.clock.advance(MINUTE_MS);
    expect(withdrawn()).toHaveLength(2);
    await lab.restart();
    expect(withdrawn()).toHaveLength(3);
    lab.plane.end(transferId, CANCELLED);
    await lab.restart();
    lab.clock.advance(DAY_MS);
    expect(withdrawn()).toHaveLength(3);
    expect(await lab.show(transferId)).toMatchObject({ status: 'cancelled' });
  });

  it('gives up when the receiver refuses, and after eight days', async () => {
    const refused = await running();
    lab.plane.end(refused, BROKEN);
    await cancel(refused);
    lab.plane.end(refused, { kind: 'failed', code: 'peer_refused', message: 'no' });
    const silent = await running();
    lab.plane.end(silent, BROKEN);
    await cancel(silent);
    lab.clock.advance(9 * DAY_MS);
    lab.plane.end(silent, BROKEN);
    lab.clock.advance(DAY_MS);
    await lab.settled();
    await lab.restart();
    expect(withdrawn()).toEqual([refused, silent]);
  });

  it('tells nobody of what never began, what is kept, and what failed', async () => {
    const { transferId: waiting } = await lab.transfer();
    await lab.sent(waiting);
    await cancel(waiting);
    lab.plane.end(waiting, BROKEN);
    const kept = await running();
    await cancel(kept, true);
    lab.plane.end(kept, CANCELLED);
    const failed = await running();
    await lab.call('send.failTransfer', { transferId: failed, errorMessage: 'no' });
    lab.plane.end(failed, CANCELLED);
    expect(withdrawn()).toEqual([]);
  });

  it('is taken back by a retry, which waits until the data plane has let go', async () => {
    const transferId = await running();
    lab.plane.end(transferId, BROKEN);
    await cancel(transferId);
    await lab.settled();
    const again = await lab.call('send.retryTransfer', { transferId });
    expect(again.status).toBe('queued');
    expect(lab.plane.stopped).toMatchObject([{ transferId, aftermath: 'keep' }]);
    lab.plane.end(transferId, CANCELLED);
    expect(await lab.show(transferId)).toMatchObject({ status: 'active' });
    expect(lab.plane.order(transferId).withdraws).toBeUndefined();
    lab.plane.end(transferId, COMPLETE);
    await lab.restart();
    expect(withdrawn()).toEqual([transferId]);
  });

  it('may be taken back and wished for again before the data plane has let go', async () => {
    const transferId = await running();
    lab.plane.end(transferId, BROKEN);
    await cancel(transferId);
    await lab.settled();
    await lab.call('send.retryTransfer', { transferId });
    await cancel(transferId);
    lab.plane.end(transferId, CANCELLED);
    expect(withdrawn()).toEqual([transferId, transferId]);
    lab.plane.end(transferId, CANCELLED);
    expect(await lab.show(transferId)).toMatchObject({ status: 'cancelled' });
  });
});
