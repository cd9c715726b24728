/** Flows that break while a job waits for the disk: nothing is opened twice, and all is let go of. */
import { CommandError } from '@jetstream/contract';
import type { ChunkInbox, Flow, Message } from '@jetstream/transport';
import { MESSAGE } from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import { type Source, StorageError, type Target } from '../../storage/storage.js';
import type { ReceiveOutcome } from '../data-plane.js';
import { jsonBody, offerBody } from './peer-messages.js';
import { ReceiveJob } from './receive-job.js';
import { SendJob } from './send-job.js';
import type { SendJobEnd } from './send-job-end.js';
import type { WorkerContext } from './worker-context.js';
import { orderTo } from './worker-hosts.conformance.js';

const FILE_ERROR = { destPath: '/f', code: 'io_error', message: 'no' } as const;

/** Settles when the test says so. */
const held = <T>() => {
  const calls: { resolve(value: T): void; reject(error: Error): void }[] = [];
  const call = (): Promise<T> =>
    new Promise((resolve, reject) => {
      calls.push({ resolve, reject });
    });
  return { call, calls };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const flowOf = (told: number[] = []): Flow =>
  ({
    send: (message: Uint8Array) => void told.push(message.length),
    outbox: { dropChannel: () => [], freshCount: 0 },
    totals: { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0 },
    messageBacklogBytes: 0,
    creditChanged: () => undefined,
    scoutAhead: () => undefined,
  }) as unknown as Flow;

const contextOf = (storage: object): WorkerContext =>
  ({
    options: { receiptDir: '/receipts', journalDir: '/journals' },
    ...{ storage, now: () => 1, wake: () => undefined, after: () => () => undefined },
  }) as unknown as WorkerContext;

const sourceOf = (done: string[]): Source =>
  ({
    rewind: () => undefined,
    skip: () => undefined,
    nextEntries: () => new Promise(() => undefined),
    nextTrailers: () => new Promise(() => undefined),
    close: async (forgets: boolean) => void done.push(`close ${forgets}`),
  }) as unknown as Source;

describe('SendJob', () => {
  const accept = {
    type: MESSAGE.accept,
    body: jsonBody({ durable: [], chunkLimit: 4 }),
  } as Message;

  it('opens its source once, however many flows begin meanwhile', async () => {
    const opens = held<Source>();
    const done: string[] = [];
    const events = { started: () => done.push('started'), ended: () => done.push('ended') };
    const order = orderTo({ port: 1, publicKey: 'key' }, 10);
    const job = new SendJob(contextOf({ openSource: opens.call }), order, events);
    for (const channel of [1, 2, 3]) {
      job.attach(flowOf(), channel);
      job.receive(accept);
    }
    await turn();
    expect(opens.calls).toHaveLength(1);
    opens.calls[0]?.resolve(sourceOf(done));
    await turn();
    expect(done).toEqual(['started']);
  });

  it.each([
    ['failed', 'cancelled', 'close true'],
    ['interrupted', 'timeout', 'close false'],
  ] as const)(
    'that has %s closes a source that is still being opened',
    async (kind, code, close) => {
      const opens = held<Source>();
      const done: string[] = [];
      const ends: SendJobEnd[] = [];
      const order = orderTo({ port: 1, publicKey: 'key' }, 10);
      const events = {
        started: () => done.push('started'),
        ended: (end: SendJobEnd) => ends.push(end),
      };
      const job = new SendJob(contextOf({ openSource: opens.call }), order, events);
      job.attach(flowOf(), 1);
      job.receive(accept);
      await turn();
      job.fail(new CommandError(code, 'broken'));
      opens.calls[0]?.resolve(sourceOf(done));
      await turn();
      expect(ends).toMatchObject([{ kind }]);
      expect(done).toEqual([close]);
    },
  );
});

describe('ReceiveJob', () => {
  const targetOf = (name: string, done: string[], more: Partial<Target> = {}): Target =>
    ({
      state: { durable: [], complete: null, totals: null, listedBytes: 0 },
      suspend: async () => void done.push(`suspend ${name}`),
      discard: async () => void done.push(`discard ${name}`),
      ...more,
    }) as unknown as Target;

  const jobOf = (storage: object) => {
    const told: number[] = [];
    const ends: (ReceiveOutcome | null)[] = [];
    const job = new ReceiveJob({
      context: contextOf(storage),
      flow: flowOf(told),
      inbox: {
        openChannel: () => undefined,
        closeChannel: () => undefined,
        settle: () => undefined,
        isWhole: () => true,
        grant: () => 4,
      } as unknown as ChunkInbox,
      channel: 1,
      offer: offerBody.parse({
        transferId: '0'.repeat(32),
        ...{ token: null, destinationPath: '', overwriteMode: 4, checkpointSeconds: 5 },
        ...{ totalFiles: 1, totalBytes: 10, startsAnew: true },
      }),
      peer: { publicKey: 'key', serverId: '', serverUid: '', address: '::1', port: 1 },
      openMax: () => 4,
      ended: (outcome) => ends.push(outcome),
    });
    const accepted = { accepted: true, root: '/', components: [], owner: 'user' } as const;
    return { job, ends, told, start: () => job.start(accepted) };
  };

  it('whose flow breaks while it throws an earlier attempt away opens no other', async () => {
    const done: string[] = [];
    const discards = held<void>();
    const complete = { fileErrors: [FILE_ERROR], verified: 'chunks' } as const;
    const state = { durable: [], complete, totals: null, listedBytes: 0 };
    let opened = 0;
    const openTarget = async (): Promise<Target> => {
      opened += 1;
      return targetOf(String(opened), done, { state, discard: discards.call });
    };
    const { job, start } = jobOf({ openTarget });
    const starting = start();
    await turn();
    job.interrupt('the flow is gone');
    discards.calls[0]?.resolve();
    await starting;
    await job.settled;
    expect(opened).toBe(1);
  });

  it('tells its failure once, and nothing after its end', async () => {
    const writes = held<'written'>();
    const done: string[] = [];
    const target = targetOf('a', done, { writeChunk: writes.call });
    const { job, ends, told, start } = jobOf({ openTarget: async () => target });
    await start();
    const listed = { type: MESSAGE.entries, body: new Uint8Array(1) } as Message;
    Object.assign(target, { addEntries: async () => ({ endByte: 10, files: 1 }) });
    job.receive(listed);
    await turn();
    for (const chunk of [0, 0, 0]) job.chunkReceived(chunk, { offset: 0, contentBytes: 10 });
    const before = told.length;
    for (const { reject } of writes.calls) reject(new StorageError('disk_full', 'no room'));
    await job.settled;
    job.refuse({ code: 'peer_refused', message: 'too late' });
    expect(ends).toMatchObject([{ kind: 'failed', code: 'disk_full' }]);
    expect(told.length - before).toBe(1);
    expect(done).toEqual(['suspend a']);
  });
});
