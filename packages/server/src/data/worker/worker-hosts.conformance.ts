/** Data workers for tests: real sockets on loopback, storage in memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPacketIO } from '@jetstream/udp';
import { afterEach, expect } from 'vitest';
import { openIdentity } from '../../adapters/tls/identity.js';
import { CHUNK_BYTES, type Storage } from '../../storage/storage.js';
import type { BandwidthLimits, SendOrder } from '../data-plane.js';
import { arenaBytes, DataWorker } from './data-worker.js';
import { contentByte, MemoryStorage } from './memory-storage.conformance.js';
import type { FromWorker } from './worker-messages.js';

const SLOTS = 64;

/** A data worker with storage in memory, and what it has told. */
export interface Host {
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
  /** In place of storage in memory. */
  readonly files?: (arena: SharedArrayBuffer) => Storage;
  /** Where offers may write. */
  readonly root?: string;
}

/** Starts a worker; it stops after the test. */
export const startHost = async (options: HostOptions = {}): Promise<Host> => {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'jetstream-data-'));
  cleanups.push(() => rmSync(stateDir, { recursive: true, force: true }));
  const identity = openIdentity({
    stateDir,
    hostName: 'test',
    serverUid: 'uid',
    nowMs: 1_700_000_000_000,
  });
  const shared = new SharedArrayBuffer(arenaBytes(SLOTS));
  const arena = new Uint8Array(shared);
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
      tcpFallback: false,
      identity,
      serverId: 'id',
      serverUid: `uid-${stateDir}`,
      minCipher: options.minCipher ?? 2,
      fixedLossMax: 0.5,
      agentBroker: null,
      journalDir: join(stateDir, 'journal'),
      receiptDir: join(stateDir, 'receipts'),
      slots: SLOTS,
      keyEpochShift,
    },
    io,
    storage: options.files?.(shared) ?? storage,
    arena,
    post: (message) => {
      messages.push(message);
      if (message.type === 'offer') {
        const decision =
          options.accept === false
            ? ({ accepted: false, code: 'permission_denied', message: 'no' } as const)
            : ({
                accepted: true,
                root: options.root ?? '/',
                components: [],
                owner: 'me',
              } as const);
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

/** No limits of the server. */
export const UNLIMITED: BandwidthLimits = {
  incomingKbps: null,
  outgoingKbps: null,
  incomingConnectionsMax: null,
  borrowIncoming: false,
  borrowOutgoing: false,
};

let nextId = 1;
/** An order to another worker. */
export const orderTo = (
  host: { port: number; publicKey: string },
  totalBytes: number,
): SendOrder => {
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

/** Expects that all has arrived as it is. */
export const expectContent = (host: Pick<Host, 'storage'>, order: SendOrder): void => {
  const kept = host.storage.kept.get(order.transferId);
  const totalBytes = order.totalBytes ?? 0;
  const chunks = Math.ceil(totalBytes / CHUNK_BYTES);
  expect(kept?.written.size).toBe(chunks);
  for (const [chunk, bytes] of kept?.written ?? []) {
    const start = chunk * CHUNK_BYTES;
    expect(bytes.length).toBe(Math.min(CHUNK_BYTES, totalBytes - start));
    const wrong = bytes.findIndex((byte, i) => byte !== contentByte(start + i));
    expect(wrong).toBe(-1);
  }
};
