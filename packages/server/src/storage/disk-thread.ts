/** Entry of a disk thread: serves the calls of one data worker with the local implementation. */
import { parentPort, workerData } from 'node:worker_threads';
import type { DiskAnswer, DiskCall } from './disk-calls.js';
import { createLocalStorage } from './local-storage.js';
import { type Source, StorageError, type Target } from './storage.js';

const port = parentPort;
if (port === null) throw new Error('Cannot run as a program: expected to be a disk thread');
const storage = createLocalStorage(workerData as { arena: SharedArrayBuffer });
const sources = new Map<number, Source>();
const targets = new Map<number, Target>();
let handles = 0;

const found = <T>(open: Map<number, T>, handle: number): T => {
  const value = open.get(handle);
  if (value !== undefined) return value;
  throw new StorageError('internal', `Cannot use the handle ${handle}: it is closed`);
};

/** Closing twice is no fault. */
const take = <T>(open: Map<number, T>, handle: number): T | undefined => {
  const value = open.get(handle);
  open.delete(handle);
  return value;
};

const perform = async ({ operation, call }: DiskCall): Promise<unknown> => {
  switch (operation) {
    case 'openSource': {
      const source = await storage.openSource(call.options);
      handles += 1;
      sources.set(handles, source);
      return handles;
    }
    case 'openTarget': {
      const target = await storage.openTarget(call.options);
      handles += 1;
      targets.set(handles, target);
      return { handle: handles, state: target.state };
    }
    case 'nextEntries':
      return found(sources, call.handle).nextEntries();
    case 'totals':
      return found(sources, call.handle).totals();
    case 'rewind':
      return found(sources, call.handle).rewind();
    case 'readChunk':
      return found(sources, call.handle).readChunk(call.chunk, call.arenaOffset);
    case 'skip':
      return found(sources, call.handle).skip(call.ranges);
    case 'nextTrailers':
      return found(sources, call.handle).nextTrailers();
    case 'fileErrors':
      return found(sources, call.handle).fileErrors();
    case 'writeSentReceipt':
      return found(sources, call.handle).writeReceipt(call.file, call.head);
    case 'close':
      return take(sources, call.handle)?.close(call.forgets);
    case 'addEntries':
      return found(targets, call.handle).addEntries(call.block);
    case 'endEntries':
      return found(targets, call.handle).endEntries(call.totals);
    case 'addTrailers':
      return found(targets, call.handle).addTrailers(call.block);
    case 'writeChunk':
      return found(targets, call.handle).writeChunk(call.chunk, call.arenaOffset, call.length);
    case 'checkpoint':
      return found(targets, call.handle).checkpoint();
    case 'finish':
      return found(targets, call.handle).finish();
    case 'writeReceivedReceipt':
      return found(targets, call.handle).writeReceipt(call.file, call.head);
    case 'suspend':
      return take(targets, call.handle)?.suspend();
    case 'discard':
      return take(targets, call.handle)?.discard();
    case 'stop':
      return storage.stop();
  }
};

/** Answers wait for others of the same turn, but not when a call took longer, or the turn goes on for longer. */
const GATHER_MS = 4;
let answers: DiskAnswer[] = [];
let firstAt = 0;

const send = (): void => {
  if (answers.length === 0) return;
  port.postMessage(answers);
  answers = [];
};

const answer = (given: DiskAnswer, calledAt: number): void => {
  const now = performance.now();
  if (answers.length === 0) {
    firstAt = now;
    setImmediate(send);
  }
  answers.push(given);
  if (now - Math.min(firstAt, calledAt) >= GATHER_MS) send();
};

const serve = async (call: DiskCall): Promise<void> => {
  const calledAt = performance.now();
  try {
    answer({ id: call.id, value: await perform(call) }, calledAt);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof StorageError ? error.code : 'internal';
    answer({ id: call.id, error: { code, message } }, calledAt);
  }
};

port.on('message', (calls: readonly DiskCall[]) => {
  for (const call of calls) void serve(call);
});
