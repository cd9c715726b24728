/** Hash threads, started when there is work for them and kept. */
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { BatchHashes, HashBatch } from './file-hash.js';
import type { HashCommand, HashReply } from './hash-messages.js';
import type { HashJob, HashPool } from './hash-pool.js';
import { FILE_LIMITS } from './limits.js';

class ThreadHashJob implements HashJob {
  readonly batch: HashBatch;
  readonly onNews: () => void;
  readonly cancelled = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  results: BatchHashes | null = null;
  hashedBytes = 0;
  failure: Error | null = null;
  readonly #onCancel: () => void;

  constructor(batch: HashBatch, onNews: () => void, onCancel: (job: ThreadHashJob) => void) {
    this.batch = batch;
    this.onNews = onNews;
    this.#onCancel = () => onCancel(this);
  }

  cancel(): void {
    this.#onCancel();
  }
}

interface HashThread {
  readonly worker: Worker;
  job: ThreadHashJob | null;
}

export class ThreadHashPool implements HashPool {
  readonly #threads = new Set<HashThread>();
  readonly #waiting: ThreadHashJob[] = [];
  readonly #threadsMax = Math.min(availableParallelism(), FILE_LIMITS.hashThreadsMax);

  submit(batch: HashBatch, onNews: () => void): HashJob {
    const job = new ThreadHashJob(batch, onNews, (cancelled) => this.#cancel(cancelled));
    this.#waiting.push(job);
    this.#assign();
    return job;
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idleThread();
      const job = thread === null ? undefined : this.#waiting.shift();
      if (thread === null || job === undefined) return;
      thread.job = job;
      const { batch, cancelled } = job;
      thread.worker.postMessage({ batch, cancelled } satisfies HashCommand);
    }
  }

  #idleThread(): HashThread | null {
    for (const thread of this.#threads) if (thread.job === null) return thread;
    return this.#threads.size < this.#threadsMax ? this.#start() : null;
  }

  #start(): HashThread {
    const worker = new Worker(new URL('./hash-thread.js', import.meta.url), {
      name: 'hash',
      // The files were opened by another thread; Node would warn about each that is closed.
      trackUnmanagedFds: false,
    });
    const thread: HashThread = { worker, job: null };
    worker.on('message', (reply: HashReply) => this.#receive(thread, reply));
    worker.on('error', (cause) => this.#lose(thread, cause));
    worker.on('exit', (code) => this.#lose(thread, new Error(`exit code ${code}`)));
    worker.unref();
    this.#threads.add(thread);
    return thread;
  }

  #receive(thread: HashThread, reply: HashReply): void {
    const { job } = thread;
    if (job === null) return;
    if (reply.kind === 'progress') {
      job.hashedBytes = reply.hashedBytes;
    } else {
      thread.job = null;
      if (reply.kind === 'done') {
        job.hashedBytes = reply.hashedBytes;
        job.results = reply.results;
      } else if (reply.kind === 'failed') {
        job.failure = new Error(`A hash thread failed: ${reply.message}`);
      }
      this.#assign();
    }
    job.onNews();
  }

  #cancel(job: ThreadHashJob): void {
    Atomics.store(new Int32Array(job.cancelled), 0, 1);
    const at = this.#waiting.indexOf(job);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    for (const fd of job.batch.fds) fs.closeSync(fd);
  }

  #lose(thread: HashThread, cause: unknown): void {
    if (!this.#threads.delete(thread)) return;
    const { job } = thread;
    thread.job = null;
    if (job !== null) {
      job.failure = new Error('A hash thread ended unexpectedly', { cause });
      job.onNews();
    }
    this.#assign();
  }
}
