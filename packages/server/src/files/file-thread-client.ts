/** A file thread as the main thread sees it: started with its first task, again after a crash. */
import { Worker } from 'node:worker_threads';
import { CommandError } from '@jetstream/contract';
import { errorOf, type FileCommand, type FileReply } from './file-messages.js';
import type { FileTask } from './file-task.js';
import type { TaskListener } from './slice-runner.js';

export class FileThread {
  readonly #listeners = new Map<number, TaskListener>();
  #worker: Worker | null = null;
  #stopped = false;

  run(id: number, task: FileTask, listener: TaskListener): void {
    if (this.#stopped) {
      listener.failed(new CommandError('shutting_down', 'Cannot use files: the server stops'));
      return;
    }
    this.#listeners.set(id, listener);
    this.#send({ kind: 'run', id, task });
  }

  cancel(id: number): void {
    if (this.#listeners.has(id)) this.#send({ kind: 'cancel', id });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
    this.#failAll(
      new CommandError('cancelled', 'Cannot finish the file operation: it was stopped'),
    );
  }

  #send(command: FileCommand): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(command);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./file-thread.js', import.meta.url), {
      name: 'files',
      // The addon opens descriptors that node:fs closes; Node would warn about each.
      trackUnmanagedFds: false,
    });
    worker.on('message', (reply: FileReply) => this.#receive(reply));
    worker.on('error', (cause) => this.#lose(worker, cause));
    worker.on('exit', (code) => this.#lose(worker, new Error(`exit code ${code}`)));
    // The server decides how long the process lives; a thread alone must not keep it.
    worker.unref();
    return worker;
  }

  #receive(reply: FileReply): void {
    const listener = this.#listeners.get(reply.id);
    if (listener === undefined) return;
    if (reply.kind === 'progress') {
      listener.progress(reply.counters);
      return;
    }
    this.#listeners.delete(reply.id);
    if (reply.kind === 'done') listener.done(reply.result);
    else listener.failed(errorOf(reply.failure));
  }

  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#failAll(new Error('A file thread ended unexpectedly', { cause }));
  }

  #failAll(error: Error): void {
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.failed(error);
  }
}
