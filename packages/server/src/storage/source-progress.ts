/**
 * Keeps how far a source has hashed its files, at most every so often, so that an attempt after a
 * kill reads again what was hashed in that time and no more.
 */
import type { HashPoint } from './hash-memory.js';
import type { SourceDigests } from './source-digests.js';

const KEEP_EVERY_MS = 1000;

export interface SourceProgressOptions {
  readonly digests: SourceDigests;
  readonly everyMs?: number | undefined;
  /** Where hashing is now. */
  point(): HashPoint;
  failed(error: unknown): void;
}

/** @see the head of this file */
export class SourceProgress {
  readonly #options: SourceProgressOptions;
  #timer: NodeJS.Timeout | null = null;
  #isKeeping = false;
  #hasBegun = false;
  #isClosed = false;

  constructor(options: SourceProgressOptions) {
    this.#options = options;
  }

  /** What earlier attempts have kept is taken over. */
  begun(): void {
    this.#hasBegun = true;
  }

  /** Something was hashed. */
  made(): void {
    if (this.#timer !== null || this.#isKeeping || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#keep();
    }, this.#options.everyMs ?? KEEP_EVERY_MS);
    this.#timer.unref();
  }

  /** Keeps the last of it, or forgets all; one that has not begun leaves what is there. */
  close(forgets: boolean): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isClosed = true;
    const { digests, point } = this.#options;
    if (forgets || this.#hasBegun) digests.close(forgets ? null : point());
    else digests.release();
  }

  async #keep(): Promise<void> {
    const { digests, point, failed } = this.#options;
    this.#isKeeping = true;
    try {
      await digests.keep(point(), () => !this.#isClosed);
    } catch (error) {
      if (!this.#isClosed) failed(error);
    }
    this.#isKeeping = false;
  }
}
