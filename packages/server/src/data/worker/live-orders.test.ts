import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../storage/storage.js';
import type { SendOrder } from '../data-plane.js';
import { expectContent, type Host, orderTo, startHost } from './worker-hosts.conformance.js';
import type { FromWorker } from './worker-messages.js';

/** The first report of a transfer's progress that fits. */
const progressOf = async (host: Host, order: SendOrder, leastBytes: number): Promise<number> => {
  const { transferId } = order;
  const { progress } = await host.waitFor(
    'sendProgress',
    (message) => message.transferId === transferId && message.progress.bytesAcked >= leastBytes,
  );
  return progress.bytesAcked;
};

describe('an order that changes while it is sent', () => {
  it.each([
    ['its own ceiling', { rateMaxKbps: 400_000 }],
    ['its own policy', { policy: 'high' as const, rateMaxKbps: 4_000_000 }],
  ])(
    'goes on with %s, whole and equal',
    async (_what, change) => {
      const receiver = await startHost();
      const sender = await startHost();
      const order = { ...orderTo(receiver, 160 * CHUNK_BYTES + 7), rateMaxKbps: 40_000 };
      sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
      await progressOf(sender, order, CHUNK_BYTES);
      sender.worker.handle({ type: 'updateSend', order: { ...order, ...change } });
      const { outcome } = await sender.waitFor('sendEnded');
      expect(outcome.kind).toBe('complete');
      expectContent(receiver, order);
    },
    30_000,
  );

  it('moves between a flow of its own and that of the destination', async () => {
    const receiver = await startHost();
    const sender = await startHost();
    const order = { ...orderTo(receiver, 200 * CHUNK_BYTES), rateMaxKbps: 40_000 };
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    await progressOf(sender, order, CHUNK_BYTES);
    const free = { ...order, rateMaxKbps: null };
    sender.worker.handle({ type: 'updateSend', order: free });
    const { outcome } = await sender.waitFor('sendEnded');
    expect(outcome.kind).toBe('complete');
    expectContent(receiver, order);
  }, 30_000);

  it('the ceiling of a destination holds for all its transfers together', async () => {
    const receiver = await startHost();
    const sender = await startHost();
    const limited = (own: number | null): SendOrder => {
      const order = orderTo(receiver, 64 * CHUNK_BYTES);
      const destination = { ...order.destination, rateMaxKbps: 80_000 };
      return { ...order, destination, rateMaxKbps: own };
    };
    const orders = [limited(null), limited(20_000), limited(null)];
    const startMs = performance.now();
    for (const order of orders) sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    for (const { transferId } of orders) {
      await sender.waitFor('sendEnded', (message) => message.transferId === transferId);
    }
    const seconds = (performance.now() - startMs) / 1000;
    const megabits = (3 * 64 * CHUNK_BYTES * 8) / 1e6;
    expect(megabits / seconds).toBeLessThan(80 * 1.1);
    for (const order of orders) expectContent(receiver, order);
  }, 60_000);
});

describe('orders of one destination with priorities', () => {
  const chunks = 96;
  const limited = (receiver: Host, priority: number): SendOrder => {
    const order = orderTo(receiver, chunks * CHUNK_BYTES);
    return { ...order, priority, destination: { ...order.destination, rateMaxKbps: 120_000 } };
  };
  const ended = async (host: Host, { transferId }: SendOrder): Promise<number> => {
    await host.waitFor('sendEnded', (message) => message.transferId === transferId);
    return performance.now();
  };
  /** How much of an order was acknowledged at the last report. */
  const ackedOf = (host: Host, { transferId }: SendOrder): number => {
    const reports = host.messages.filter(
      (message) => message.type === 'sendProgress' && message.transferId === transferId,
    );
    const last = reports.at(-1);
    return last?.type === 'sendProgress' ? last.progress.bytesAcked : 0;
  };

  it('the lower number is sent first, from the moment it is there or is changed to', async () => {
    const receiver = await startHost();
    const sender = await startHost();
    const [low, high, raised] = [100, 10, 200].map((each) => limited(receiver, each)) as [
      SendOrder,
      SendOrder,
      SendOrder,
    ];
    sender.worker.handle({ type: 'send', order: low, ip: '127.0.0.1' });
    await progressOf(sender, low, CHUNK_BYTES);
    sender.worker.handle({ type: 'send', order: high, ip: '127.0.0.1' });
    sender.worker.handle({ type: 'send', order: raised, ip: '127.0.0.1' });
    const highAt = await ended(sender, high);
    expect(ackedOf(sender, low)).toBeLessThan((chunks / 2) * CHUNK_BYTES);
    expect(ackedOf(sender, raised)).toBeLessThan((chunks / 4) * CHUNK_BYTES);
    sender.worker.handle({ type: 'updateSend', order: { ...raised, priority: 1 } });
    const raisedAt = await ended(sender, raised);
    const lowAt = await ended(sender, low);
    expect(raisedAt).toBeGreaterThan(highAt);
    expect(lowAt).toBeGreaterThan(raisedAt);
    for (const order of [low, high, raised]) expectContent(receiver, order);
  }, 60_000);

  it('equal ones share evenly', async () => {
    const receiver = await startHost();
    const sender = await startHost();
    const orders = [limited(receiver, 100), limited(receiver, 100)] as const;
    for (const order of orders) sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    await ended(sender, orders[0]);
    expect(ackedOf(sender, orders[1])).toBeGreaterThan((chunks / 2) * CHUNK_BYTES);
    await ended(sender, orders[1]);
  }, 60_000);
});

describe('orders that come while the flow is set up', () => {
  it('are all sent, at whatever moment they come', async () => {
    for (let round = 0; round < 5; round += 1) {
      const receiver = await startHost();
      const sender = await startHost();
      const orders: SendOrder[] = [];
      for (let count = 0; count < 25; count += 1) {
        const order = orderTo(receiver, 100);
        orders.push(order);
        sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      for (const { transferId } of orders) {
        await sender.waitFor('sendEnded', (message) => message.transferId === transferId);
      }
      for (const order of orders) expectContent(receiver, order);
    }
  }, 30_000);
});

/** A transfer of which the receiver has a part, and which its sender has paused. */
const pausedHalfway = async (): Promise<{ receiver: Host; sender: Host; order: SendOrder }> => {
  const receiver = await startHost();
  const sender = await startHost();
  const order = {
    ...orderTo(receiver, 120 * CHUNK_BYTES),
    rateMaxKbps: 60_000,
    checkpointSeconds: 0.1,
  };
  sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
  await sender.waitFor('sendProgress', ({ progress }) => progress.bytesDurable > 8 * CHUNK_BYTES);
  const reason = { code: 'cancelled', message: 'later', aftermath: 'pause' } as const;
  sender.worker.handle({ type: 'stopSend', transferId: order.transferId, reason });
  const paused = await receiver.waitFor('receiveEnded');
  expect(paused.outcome.kind).toBe('interrupted');
  return { receiver, sender, order };
};

describe('an order that is stopped', () => {
  it('with a pause leaves what the receiver has, and the next attempt goes on with it', async () => {
    const { receiver, sender, order } = await pausedHalfway();
    const before = receiver.storage.kept.get(order.transferId)?.durable.size ?? 0;
    expect(before).toBeGreaterThan(0);
    const again = { ...order, rateMaxKbps: null };
    sender.worker.handle({ type: 'send', order: again, ip: '127.0.0.1' });
    const ended = await sender.waitFor('sendEnded', ({ outcome }) => outcome.kind === 'complete');
    expect(ended.outcome.kind).toBe('complete');
    expectContent(receiver, order);
  }, 30_000);
});

describe('an order that withdraws', () => {
  const ofKind =
    <T extends { outcome: { kind: string } }>(kind: string) =>
    ({ outcome }: T) =>
      outcome.kind === kind;

  it('has the receiver throw away what it holds, and hears of it', async () => {
    const { receiver, sender, order } = await pausedHalfway();
    const first = sender.messages.length;
    const withdrawal = { ...order, rateMaxKbps: null, withdraws: true };
    sender.worker.handle({ type: 'send', order: withdrawal, ip: '127.0.0.1' });
    const isNew = (message: FromWorker) => sender.messages.indexOf(message) >= first;
    const ended = await sender.waitFor('sendEnded', isNew);
    expect(ended.outcome).toMatchObject({ kind: 'failed', code: 'cancelled' });
    expect(receiver.storage.kept.has(order.transferId)).toBe(false);
    const told = await receiver.waitFor('receiveEnded', ofKind('failed'));
    expect(told.outcome).toMatchObject({ code: 'cancelled', discarded: true });
  }, 30_000);

  it('leaves alone what is complete', async () => {
    const receiver = await startHost();
    const sender = await startHost();
    const order = orderTo(receiver, 3 * CHUNK_BYTES);
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    await sender.waitFor('sendEnded');
    sender.worker.handle({ type: 'send', order: { ...order, withdraws: true }, ip: '127.0.0.1' });
    const ended = await sender.waitFor('sendEnded', ofKind('failed'));
    expect(ended.outcome).toMatchObject({ kind: 'failed', code: 'cancelled' });
    expectContent(receiver, order);
  });
});
