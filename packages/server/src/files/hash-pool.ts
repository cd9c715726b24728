/** Where files are hashed: in threads of their own, one per core; without threads, in between. */
import type { BatchHashes, HashBatch } from './file-hash.js';
import { hashBatch } from './file-hash.js';
import type { Steps } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

/** A batch on its way. */
export interface HashJob {
  /** Null until the batch is done. */
  readonly results: BatchHashes | null;
  readonly hashedBytes: number;
  /** Why there will be no results. */
  readonly failure: Error | null;
  /** Stops it; its files are closed in any case. */
  cancel(): void;
}

export interface HashPool {
  /**
   * Hashes files and closes them.
   *
   * @param onNews Called, never at once, when the job has changed.
   */
  submit(batch: HashBatch, onNews: () => void): HashJob;
}

class LocalHashJob implements HashJob {
  results: BatchHashes | null = null;
  hashedBytes = 0;
  failure: Error | null = null;
  readonly #steps: Steps<BatchHashes>;
  readonly #onNews: () => void;
  #stopped = false;

  constructor(batch: HashBatch, onNews: () => void) {
    this.#steps = hashBatch(batch, (bytes) => {
      this.hashedBytes += bytes;
    });
    this.#onNews = onNews;
    // The first step takes the files over, so that a job that is cancelled at once closes them.
    this.#step();
    setImmediate(() => this.#slice());
  }

  cancel(): void {
    if (this.#stopped || this.results !== null) return;
    this.#stopped = true;
    this.#steps.return([]);
  }

  #slice(): void {
    const endMs = performance.now() + FILE_LIMITS.sliceMs;
    while (!this.#stopped && this.results === null && performance.now() < endMs) this.#step();
    if (this.#stopped && this.failure === null) return;
    this.#onNews();
    if (!this.#stopped && this.results === null) setImmediate(() => this.#slice());
  }

  #step(): void {
    try {
      const step = this.#steps.next();
      if (step.done === true) this.results = step.value;
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      this.#stopped = true;
    }
  }
}

/** Hashes in this thread, a slice at a time. */
export const localHashPool = (): HashPool => ({
  submit: (batch, onNews) => new LocalHashJob(batch, onNews),
});
