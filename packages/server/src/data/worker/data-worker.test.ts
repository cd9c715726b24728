import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../storage/storage.js';
import {
  expectContent,
  type Host,
  orderTo,
  startHost,
  UNLIMITED,
} from './worker-hosts.conformance.js';

describe.each(['native', 'dgram'] as const)('DataWorker over %s', (kind) => {
  it('moves a transfer to another worker, content equal', async () => {
    const receiver = await startHost({ kind });
    const sender = await startHost({ kind });
    const order = orderTo(receiver, 20 * CHUNK_BYTES + 12_345);
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    const { outcome } = await sender.waitFor('sendEnded');
    expect(outcome).toMatchObject({ kind: 'complete', fileErrors: [] });
    expect((await receiver.waitFor('receiveEnded')).outcome.kind).toBe('complete');
    expectContent(receiver, order);
  });

  it('moves several transfers at once, empty ones too', async () => {
    const receiver = await startHost({ kind });
    const sender = await startHost({ kind });
    const orders = [0, 1, 3 * CHUNK_BYTES, 10 * CHUNK_BYTES + 1].map((bytes) =>
      orderTo(receiver, bytes),
    );
    for (const order of orders) sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    for (const order of orders) {
      const ended = await sender.waitFor(
        'sendEnded',
        (message) => message.transferId === order.transferId,
      );
      expect(ended.outcome.kind).toBe('complete');
      expectContent(receiver, order);
    }
  });
});

describe('DataWorker', () => {
  it('fetches a chunk again that the receiver finds damaged', async () => {
    const receiver = await startHost({ storage: { damage: (chunk) => chunk === 2 } });
    const sender = await startHost();
    const order = orderTo(receiver, 5 * CHUNK_BYTES);
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    expect((await sender.waitFor('sendEnded')).outcome.kind).toBe('complete');
    expectContent(receiver, order);
  });

  it('rolls over key epochs during a transfer', async () => {
    const receiver = await startHost({ keyEpochShift: 8 });
    const sender = await startHost({ keyEpochShift: 8 });
    const order = orderTo(receiver, 40 * CHUNK_BYTES);
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    expect((await sender.waitFor('sendEnded')).outcome.kind).toBe('complete');
    expectContent(receiver, order);
  });

  it('ends with the reason when the receiver refuses', async () => {
    const receiver = await startHost({ accept: false });
    const sender = await startHost();
    const order = orderTo(receiver, 1000);
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    expect((await sender.waitFor('sendEnded')).outcome).toEqual({
      kind: 'failed',
      code: 'permission_denied',
      message: 'no',
    });
    expect(receiver.storage.kept.size).toBe(0);
  });

  it('takes no more connections than allowed, and says so', async () => {
    const receiver = await startHost();
    const [first, second] = [await startHost(), await startHost()];
    const limits = { ...UNLIMITED, incomingConnectionsMax: 1 };
    receiver.worker.handle({ type: 'limits', limits });
    const ended = async (host: Host) => {
      const order = orderTo(receiver, 1000);
      host.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
      const ofOrder = ({ transferId }: { transferId: string }) => transferId === order.transferId;
      return (await host.waitFor('sendEnded', ofOrder)).outcome;
    };
    expect((await ended(first)).kind).toBe('complete');
    expect(await ended(second)).toEqual({
      kind: 'interrupted',
      code: 'too_many_requests',
      message: `Cannot accept the connection: 1 incoming connections are open, expected fewer than 1 (127.0.0.1:${receiver.port})`,
    });
    receiver.worker.handle({ type: 'limits', limits: { ...limits, incomingConnectionsMax: 2 } });
    expect((await ended(second)).kind).toBe('complete');
  });

  it('does not talk to a receiver with another key', async () => {
    const receiver = await startHost();
    const sender = await startHost();
    const order = orderTo({ port: receiver.port, publicKey: sender.publicKey }, 1000);
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    expect((await sender.waitFor('sendEnded')).outcome).toMatchObject({
      kind: 'failed',
      code: 'peer_identity_mismatch',
    });
    expect(receiver.messages.some((message) => message.type === 'offer')).toBe(false);
  });

  it('refuses a sender whose cipher is below its floor', async () => {
    const receiver = await startHost({ minCipher: 3 });
    const sender = await startHost();
    const order = orderTo(receiver, 1000);
    const weak = { ...order, destination: { ...order.destination, minCipher: 2 } };
    sender.worker.handle({ type: 'send', order: weak, ip: '127.0.0.1' });
    // The client offers 2 and 3, so the stronger one is agreed.
    expect((await sender.waitFor('sendEnded')).outcome.kind).toBe('complete');
  });

  it('goes on after the receiver was replaced on the same port, without starting over', async () => {
    const first = await startHost();
    const sender = await startHost();
    const order = { ...orderTo(first, 60 * CHUNK_BYTES), checkpointSeconds: 0.1 };
    const limited = { ...order, destination: { ...order.destination, rateMaxKbps: 80_000 } };
    sender.worker.handle({ type: 'send', order: limited, ip: '127.0.0.1' });
    await first.waitFor('receiveProgress', (message) => message.progress.bytesDurable > 0);
    await first.stop();
    const kept = first.storage.kept.get(order.transferId);
    const before = kept?.durable.size ?? 0;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(60);
    expect(sender.messages.some((message) => message.type === 'sendEnded')).toBe(false);
    const second = await startHost({
      stateDir: first.stateDir,
      port: first.port,
      kept: first.storage.kept,
    });
    expect((await sender.waitFor('sendEnded')).outcome.kind).toBe('complete');
    expectContent(second, order);
    const again = second.messages.findLast((message) => message.type === 'receiveProgress');
    expect(again?.type === 'receiveProgress' && again.progress.bytesReceived).toBeLessThan(
      (60 - before + 1) * CHUNK_BYTES,
    );
  });
});
