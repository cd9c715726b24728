/** What browsers download, as the pages see it: lists, and streams that wait for their reader. */
import { Readable } from 'node:stream';
import { type Clock, every, type Timer } from '../../adapters/clock/clock.js';
import { errorOf } from '../../files/file-messages.js';
import { LINK_LIMITS } from '../limits.js';
import type {
  ContentChoice,
  ContentFacts,
  ContentPlace,
  ContentReply,
  ListedPage,
} from './content-messages.js';
import { ContentWorker } from './content-worker.js';

/** Something that is open; either streamed once or closed. */
export interface OpenContent {
  readonly facts: ContentFacts;
  /** Bytes from `start` to before `end`. An archive is streamed whole. */
  stream(start: number, end: number): Readable;
  close(): void;
}

class ContentStream extends Readable {
  readonly #pull: () => void;
  readonly #close: () => void;
  readonly #stalls: Timer;
  #isPulling = false;
  #wasPulled = true;

  constructor(options: { pull: () => void; close: () => void; clock: Clock }) {
    super({ highWaterMark: LINK_LIMITS.chunkBytes });
    this.#pull = options.pull;
    this.#close = options.close;
    // A client that takes nothing from one look to the next is not coming back for more.
    this.#stalls = every(options.clock, LINK_LIMITS.stallMs, () => {
      if (!this.#wasPulled && !this.#isPulling) this.destroy(new Error('the client takes nothing'));
      this.#wasPulled = false;
    });
  }

  override _read(): void {
    this.#wasPulled = true;
    if (this.#isPulling) return;
    this.#isPulling = true;
    this.#pull();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#stalls.cancel();
    this.#close();
    callback(error);
  }

  answered(reply: ContentReply): void {
    this.#isPulling = false;
    if (reply.kind === 'failed') this.destroy(errorOf(reply.failure));
    else if (reply.kind === 'chunk') this.push(reply.bytes);
  }
}

/** @see the head of this file */
export class ContentReader {
  readonly #workers = Array.from({ length: LINK_LIMITS.threads }, () => new ContentWorker());
  readonly #clock: Clock;
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A part of the files of a manifest. */
  async list(
    place: ContentPlace,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<ListedPage> {
    const { id, worker } = this.#choose();
    const reply = await this.#ask(worker, id, () =>
      worker.send({ kind: 'list', id, place, ...page }),
    );
    worker.forget(id);
    if (reply.kind !== 'listed') throw new Error(`a list was answered by "${reply.kind}"`);
    return reply.page;
  }

  /**
   * Opens one file, or all as an archive.
   *
   * @throws {CommandError} `not_found`, `source_changed`, `source_vanished`, and what else befell.
   */
  async open(place: ContentPlace, choice: ContentChoice): Promise<OpenContent> {
    const { id, worker } = this.#choose();
    const reply = await this.#ask(worker, id, () =>
      worker.send({ kind: 'open', id, place, choice }),
    );
    if (reply.kind !== 'opened') throw new Error(`an opening was answered by "${reply.kind}"`);
    const close = (): void => {
      worker.forget(id);
      worker.send({ kind: 'close', id });
    };
    return {
      facts: reply.facts,
      close,
      stream: (start, end) => {
        worker.send({ kind: 'begin', id, start, end });
        const pull = (): void => worker.send({ kind: 'pull', id });
        const stream = new ContentStream({ pull, close, clock: this.#clock });
        worker.listen(id, (next) => stream.answered(next));
        return stream;
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }

  /** The thread with the least to do. */
  #choose(): { readonly id: number; readonly worker: ContentWorker } {
    this.#lastId += 1;
    const first = this.#workers[0] as ContentWorker;
    const worker = this.#workers.reduce(
      (best, each) => (each.open < best.open ? each : best),
      first,
    );
    return { id: this.#lastId, worker };
  }

  #ask(worker: ContentWorker, id: number, send: () => void): Promise<ContentReply> {
    return new Promise((resolve, reject) => {
      worker.listen(id, (reply) => {
        if (reply.kind !== 'failed') {
          resolve(reply);
          return;
        }
        worker.forget(id);
        reject(errorOf(reply.failure));
      });
      send();
    });
  }
}
