/** The disk side in a thread of its own, as the data worker sees it. */
import { Worker } from 'node:worker_threads';
import type { DiskAnswer, DiskCall, DiskCalls, DiskOperation, DiskResults } from './disk-calls.js';
import {
  CHUNKS_AT_ONCE,
  type ChunkRange,
  type Source,
  type SourceOptions,
  type Storage,
  StorageError,
  type Target,
  type TargetOptions,
  type TargetState,
} from './storage.js';

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Cloning a view copies all memory behind it, so it must not be a part of something larger. */
const alone = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();

class DiskThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Calls that leave together when the code that makes them is done. */
  #outgoing: DiskCall[] = [];
  #calls = 0;
  #failure: StorageError | null = null;

  constructor(arena: SharedArrayBuffer) {
    const url = new URL('./disk-thread.js', import.meta.url);
    this.#worker = new Worker(url, {
      workerData: { arena },
      name: 'jetstream-disk',
      // The addon opens descriptors that node:fs closes; Node would warn about each.
      trackUnmanagedFds: false,
    });
    this.#worker.on('message', (answers: readonly DiskAnswer[]) => {
      for (const answer of answers) this.#answered(answer);
    });
    this.#worker.on('error', (error) => this.#lost(error));
    this.#worker.on('exit', () => this.#lost(new Error('the thread has ended')));
  }

  call<Operation extends DiskOperation>(
    operation: Operation,
    call: DiskCalls[Operation],
  ): Promise<DiskResults[Operation]> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    this.#calls += 1;
    const id = this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        resolve: (value) => resolve(value as DiskResults[Operation]),
        reject,
      });
      if (this.#outgoing.length === 0) queueMicrotask(() => this.#send());
      this.#outgoing.push({ id, operation, call } as DiskCall);
    });
  }

  async stop(): Promise<void> {
    if (this.#failure !== null) return;
    await this.call('stop', {});
    await this.#worker.terminate();
  }

  #send(): void {
    while (this.#outgoing.length > 0) {
      this.#worker.postMessage(this.#outgoing.splice(0, CHUNKS_AT_ONCE));
    }
  }

  #answered(answer: DiskAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('error' in answer) {
      pending?.reject(new StorageError(answer.error.code, answer.error.message));
    } else {
      pending?.resolve(answer.value);
    }
  }

  #lost(cause: Error): void {
    this.#failure ??= new StorageError('internal', `The disk thread is lost: ${cause.message}`, {
      cause,
    });
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
  }
}

const threadSource = (thread: DiskThread, handle: number): Source => ({
  nextEntries: () => thread.call('nextEntries', { handle }),
  totals: () => thread.call('totals', { handle }),
  rewind: () => {
    thread.call('rewind', { handle }).catch(() => undefined);
  },
  readChunk: (chunk, arenaOffset) => thread.call('readChunk', { handle, chunk, arenaOffset }),
  skip: (ranges: readonly ChunkRange[]) => {
    // A thread that is lost says so at the next call that has an answer.
    thread.call('skip', { handle, ranges }).catch(() => undefined);
  },
  nextTrailers: () => thread.call('nextTrailers', { handle }),
  fileErrors: () => thread.call('fileErrors', { handle }),
  writeReceipt: (file, head) => thread.call('writeSentReceipt', { handle, file, head }),
  close: (forgets = false) => thread.call('close', { handle, forgets }),
});

const threadTarget = (thread: DiskThread, handle: number, state: TargetState): Target => ({
  state,
  addEntries: (block) => thread.call('addEntries', { handle, block: alone(block) }),
  endEntries: (totals) => thread.call('endEntries', { handle, totals }),
  addTrailers: (block) => thread.call('addTrailers', { handle, block: alone(block) }),
  writeChunk: (chunk, arenaOffset, length) =>
    thread.call('writeChunk', { handle, chunk, arenaOffset, length }),
  checkpoint: () => thread.call('checkpoint', { handle }),
  finish: () => thread.call('finish', { handle }),
  writeReceipt: (file, head) => thread.call('writeReceivedReceipt', { handle, file, head }),
  suspend: () => thread.call('suspend', { handle }),
  discard: () => thread.call('discard', { handle }),
});

/**
 * Starts a disk thread that maps the arena. Where the sources run uncompiled there is no file to
 * start it from; the same code then serves in this thread.
 */
export const openThreadStorage = async (options: {
  readonly arena: SharedArrayBuffer;
}): Promise<Storage> => {
  if (import.meta.url.endsWith('.ts')) {
    // Loaded only here: the callers of the thread start without the code that runs in it.
    const { createLocalStorage } = await import('./local-storage.js');
    return createLocalStorage(options);
  }
  const thread = new DiskThread(options.arena);
  return {
    async openSource(sourceOptions: SourceOptions) {
      return threadSource(thread, await thread.call('openSource', { options: sourceOptions }));
    },
    async openTarget(targetOptions: TargetOptions) {
      const { handle, state } = await thread.call('openTarget', { options: targetOptions });
      return threadTarget(thread, handle, state);
    },
    stop: () => thread.stop(),
  };
};
