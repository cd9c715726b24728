/**
 * Feeds a flow with the file list of a source and the records of finished files, from their start: a
 * new flow needs both again, and gets a feed of its own. Nothing is kept here, the source has it all.
 */
import { MESSAGE } from '@jetstream/transport';
import type { ListTotals, Source } from '../../storage/storage.js';

/** Stream bytes that may wait before more is read. */
const BACKLOG_BYTES = 256 * 1024;
const NOTHING = new Uint8Array(0);

export interface ListFeedPorts {
  send(type: number, body: Uint8Array): void;
  /** Stream bytes that wait to be sent. */
  backlogBytes(): number;
  /** The list has come to its end. @returns What the receiver is told of that. */
  entriesEnded(totals: ListTotals): Uint8Array | null;
  /** Something was read: pump again. */
  advanced(): void;
  failed(error: unknown): void;
}

export class ListFeed {
  readonly #source: Source;
  readonly #ports: ListFeedPorts;
  #isClosed = false;
  #entriesBusy = false;
  #trailersBusy = false;
  #entriesEnded = false;
  #trailersEnded = false;
  #sentFiles = 0;
  #sentBytes = 0;

  constructor(source: Source, ports: ListFeedPorts) {
    this.#source = source;
    this.#ports = ports;
    source.rewind();
  }

  /** Entries that the receiver has been told of. */
  get sentFiles(): number {
    return this.#sentFiles;
  }

  /** Linear bytes whose files the receiver has been told of: chunks below may follow. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Whether it waits for the source to find more files. */
  get awaitsEntries(): boolean {
    return this.#entriesBusy;
  }

  /** Reads on and sends, as long as not too much waits. */
  pump(): void {
    if (this.#isClosed || this.#ports.backlogBytes() > BACKLOG_BYTES) return;
    if (!this.#entriesBusy && !this.#entriesEnded) {
      this.#entriesBusy = true;
      void this.#run(() => this.#nextEntries());
    }
    if (!this.#trailersBusy && !this.#trailersEnded) {
      this.#trailersBusy = true;
      void this.#run(() => this.#nextTrailers());
    }
  }

  /** What is still being read is for nobody. */
  close(): void {
    this.#isClosed = true;
  }

  async #run(next: () => Promise<void>): Promise<void> {
    try {
      await next();
      if (!this.#isClosed) this.#ports.advanced();
    } catch (error) {
      if (!this.#isClosed) this.#ports.failed(error);
    }
  }

  async #nextEntries(): Promise<void> {
    const block = await this.#source.nextEntries();
    const totals = block === null ? await this.#source.totals() : null;
    if (this.#isClosed) return;
    this.#entriesBusy = false;
    if (block !== null) {
      this.#sentFiles += block.files;
      this.#sentBytes = block.endByte;
      this.#ports.send(MESSAGE.entries, block.bytes);
    } else if (totals !== null) {
      this.#entriesEnded = true;
      this.#ports.send(MESSAGE.entriesEnd, this.#ports.entriesEnded(totals) ?? NOTHING);
    }
  }

  async #nextTrailers(): Promise<void> {
    const block = await this.#source.nextTrailers();
    if (this.#isClosed) return;
    this.#trailersBusy = false;
    this.#trailersEnded = block === null;
    if (block === null) this.#ports.send(MESSAGE.trailersEnd, NOTHING);
    else this.#ports.send(MESSAGE.trailers, block.bytes);
  }
}
