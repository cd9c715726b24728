/**
 * A content thread as the main thread sees it: started with its first command, again after a crash.
 * From TypeScript source, where threads cannot start, the same code runs in this one.
 */
import { Worker } from 'node:worker_threads';
import { CommandError } from '@jetstream/contract';
import { failureOf } from '../../files/file-messages.js';
import { ContentDesk } from './content-desk.js';
import type { ContentCommand, ContentReply } from './content-messages.js';

/** Hears the replies to one id. */
export type ContentListener = (reply: ContentReply) => void;

interface Desk {
  send(command: ContentCommand): void;
  stop(): Promise<void>;
}

const localDesk = (answer: ContentListener): Desk => {
  const desk = new ContentDesk((reply) => setImmediate(() => answer(reply)));
  return {
    send: (command) => desk.handle(command),
    stop: () => Promise.resolve(desk.stop()),
  };
};

const threadDesk = (answer: ContentListener, lost: (desk: Desk) => void): Desk => {
  const worker = new Worker(new URL('./content-thread.js', import.meta.url), {
    name: 'downloads',
    // The addon opens descriptors that node:fs closes; Node would warn about each.
    trackUnmanagedFds: false,
  });
  const desk: Desk = {
    send: (command) => worker.postMessage(command),
    stop: async () => {
      await worker.terminate();
    },
  };
  worker.on('message', answer);
  worker.on('error', () => lost(desk));
  worker.on('exit', () => lost(desk));
  // The server decides how long the process lives; a thread alone must not keep it.
  worker.unref();
  return desk;
};

/** @see the head of this file */
export class ContentWorker {
  readonly #listeners = new Map<number, ContentListener>();
  #desk: Desk | null = null;
  #stopped = false;

  /** Commands that have no last answer yet. */
  get open(): number {
    return this.#listeners.size;
  }

  listen(id: number, listener: ContentListener): void {
    this.#listeners.set(id, listener);
  }

  forget(id: number): void {
    this.#listeners.delete(id);
  }

  send(command: ContentCommand): void {
    if (this.#stopped) {
      const error = new CommandError('shutting_down', 'Cannot download: the server is stopping');
      this.#answer({ kind: 'failed', id: command.id, failure: failureOf(error) });
      return;
    }
    this.#desk ??= this.#start();
    this.#desk.send(command);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const desk = this.#desk;
    this.#desk = null;
    await desk?.stop();
    this.#failAll(new CommandError('shutting_down', 'Cannot go on: the server is stopping'));
  }

  #start(): Desk {
    const answer: ContentListener = (reply) => this.#answer(reply);
    if (import.meta.url.endsWith('.ts')) return localDesk(answer);
    return threadDesk(answer, (desk) => {
      if (this.#desk !== desk) return;
      this.#desk = null;
      this.#failAll(new Error('A content thread ended unexpectedly'));
    });
  }

  #answer(reply: ContentReply): void {
    this.#listeners.get(reply.id)?.(reply);
  }

  #failAll(error: Error): void {
    for (const [id, listener] of [...this.#listeners]) {
      listener({ kind: 'failed', id, failure: failureOf(error) });
    }
  }
}
