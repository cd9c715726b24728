import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPacketIO } from '@jetstream/udp';
import { afterEach, describe, expect, it } from 'vitest';
import { openIdentity } from '../../adapters/tls/identity.js';
import { CHUNK_BYTES } from '../../storage/storage.js';
import type { BandwidthLimits, SendOrder } from '../data-plane.js';
import { arenaBytes, DataWorker } from './data-worker.js';
import { contentByte, MemoryStorage } from './memory-storage.conformance.js';
import type { FromWorker } from './worker-messages.js';

const SLOTS = 64;

interface Host {
  readonly stateDir: string;
  readonly worker: DataWorker;
  readonly storage: MemoryStorage;
  readonly publicKey: string;
  readonly port: number;
  readonly messages: FromWorker[];
  waitFor<T extends FromWorker['type']>(
    type: T,
    matches?: (message: Extract<FromWorker, { type: T }>) => boolean,
  ): Promise<Extract<FromWorker, { type: T }>>;
  stop(): Promise<void>;
}

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface HostOptions {
  readonly kind?: 'native' | 'dgram';
  readonly port?: number;
  readonly storage?: { damage?: (chunk: number) => boolean };
  readonly stateDir?: string;
  readonly accept?: boolean;
  readonly keyEpochShift?: number;
  readonly minCipher?: number;
  readonly kept?: MemoryStorage['kept'];
}

const startHost = async (options: HostOptions = {}): Promise<Host> => {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'jetstream-data-'));
  cleanups.push(() => rmSync(stateDir, { recursive: true, force: true }));
  const identity = openIdentity({
    stateDir,
    hostName: 'test',
    serverUid: 'uid',
    nowMs: 1_700_000_000_000,
  });
  const arena = new Uint8Array(new SharedArrayBuffer(arenaBytes(SLOTS)));
  const keyEpochShift = options.keyEpochShift ?? 24;
  const io = await openPacketIO({
    address: '127.0.0.1',
    port: options.port ?? 0,
    arena,
    keyEpochShift,
    prefer: options.kind ?? 'native',
  });
  const storage = new MemoryStorage({ arena, ...options.storage });
  for (const [id, kept] of options.kept ?? []) storage.kept.set(id, kept);
  const messages: FromWorker[] = [];
  let listeners: (() => void)[] = [];
  const worker: DataWorker = new DataWorker({
    options: {
      address: '127.0.0.1',
      port: 0,
      dataPath: 'auto',
      identity,
      serverId: 'id',
      serverUid: `uid-${stateDir}`,
      minCipher: options.minCipher ?? 2,
      journalDir: join(stateDir, 'journal'),
      receiptDir: join(stateDir, 'receipts'),
      slots: SLOTS,
      keyEpochShift,
    },
    io,
    storage,
    arena,
    post: (message) => {
      messages.push(message);
      if (message.type === 'offer') {
        const decision =
          options.accept === false
            ? ({ accepted: false, code: 'permission_denied', message: 'no' } as const)
            : ({ accepted: true, root: '/', components: [], owner: 'me' } as const);
        queueMicrotask(() =>
          worker.handle({ type: 'decision', offerId: message.offerId, decision }),
        );
      }
      for (const listener of listeners.splice(0)) listener();
    },
  });
  const waitFor: Host['waitFor'] = async (type, matches) => {
    for (;;) {
      const found = messages.find(
        (message) => message.type === type && (matches?.(message as never) ?? true),
      );
      if (found !== undefined) return found as never;
      await new Promise<void>((resolve) => {
        listeners = [...listeners, resolve];
      });
    }
  };
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    worker.handle({ type: 'stop', drainMs: 500 });
    await waitFor('stopped');
  };
  cleanups.push(stop);
  return {
    stateDir,
    worker,
    storage,
    publicKey: identity.publicKeyBase64,
    port: io.localAddress.port,
    messages,
    waitFor,
    stop,
  };
};

const UNLIMITED: BandwidthLimits = {
  incomingKbps: null,
  outgoingKbps: null,
  incomingConnectionsMax: null,
  borrowIncoming: false,
  borrowOutgoing: false,
};

let nextId = 1;
const orderTo = (host: { port: number; publicKey: string }, totalBytes: number): SendOrder => {
  const transferId = (nextId++).toString(16).padStart(32, '0');
  return {
    transferId,
    manifestListPath: '/nowhere',
    totalFiles: 1,
    totalBytes,
    destination: {
      id: `127.0.0.1:${host.port}`,
      address: '127.0.0.1',
      port: host.port,
      publicKey: host.publicKey,
      token: null,
      rateMaxKbps: null,
      policy: 'fair',
      minCipher: 2,
    },
    destinationPath: '',
    overwriteMode: 4,
    checkpointSeconds: 5,
    priority: 100,
    rateMaxKbps: null,
    policy: null,
    transferFlags: 3,
    startsAnew: false,
  };
};

const expectContent = (host: Host, order: SendOrder): void => {
  const kept = host.storage.kept.get(order.transferId);
  const chunks = Math.ceil(order.totalBytes / CHUNK_BYTES);
  expect(kept?.written.size).toBe(chunks);
  for (const [chunk, bytes] of kept?.written ?? []) {
    const start = chunk * CHUNK_BYTES;
    expect(bytes.length).toBe(Math.min(CHUNK_BYTES, order.totalBytes - start));
    const wrong = bytes.findIndex((byte, i) => byte !== contentByte(start + i));
    expect(wrong).toBe(-1);
  }
};

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

describe('an order that is stopped', () => {
  it('with a pause leaves what the receiver has, and the next attempt goes on with it', async () => {
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
    const before = receiver.storage.kept.get(order.transferId)?.durable.size ?? 0;
    expect(before).toBeGreaterThan(0);
    const again = { ...order, rateMaxKbps: null };
    sender.worker.handle({ type: 'send', order: again, ip: '127.0.0.1' });
    const ended = await sender.waitFor('sendEnded', ({ outcome }) => outcome.kind === 'complete');
    expect(ended.outcome.kind).toBe('complete');
    expectContent(receiver, order);
  }, 30_000);
});

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
