/**
 * Feeds a flow with the file list of a source and the records of finished files. What was read is
 * kept (compressed, some tens of bytes a file), because a new flow needs the list from its start.
 */
import { MESSAGE } from '@jetstream/transport';
import type { EntryBlock, Source, TrailerBlock } from '../../storage/storage.js';

/** Stream bytes that may wait before more of the list is read. */
const BACKLOG_BYTES = 256 * 1024;
const NOTHING = new Uint8Array(0);

export interface ListFeedPorts {
  send(type: number, body: Uint8Array): void;
  /** Stream bytes that wait to be sent. */
  backlogBytes(): number;
  /** Something was read: pump again. */
  advanced(): void;
  failed(error: unknown): void;
}

export class ListFeed {
  readonly #source: Source;
  readonly #ports: ListFeedPorts;
  readonly #entries: EntryBlock[] = [];
  readonly #trailers: TrailerBlock[] = [];
  #entriesRead = false;
  #trailersRead = false;
  #entriesBusy = false;
  #trailersBusy = false;
  #entriesSent = 0;
  #entriesEnded = false;
  #trailersSent = 0;
  #trailersEnded = false;
  #sentBytes = 0;

  constructor(source: Source, ports: ListFeedPorts) {
    this.#source = source;
    this.#ports = ports;
  }

  /** Linear bytes whose files the receiver has been told of: chunks below may follow. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Begins anew, for another flow. */
  rewind(): void {
    this.#entriesSent = 0;
    this.#entriesEnded = false;
    this.#trailersSent = 0;
    this.#trailersEnded = false;
    this.#sentBytes = 0;
  }

  /** Sends what is there and reads on. */
  pump(): void {
    this.#pumpEntries();
    this.#pumpTrailers();
  }

  #pumpEntries(): void {
    while (this.#ports.backlogBytes() <= BACKLOG_BYTES) {
      const block = this.#entries[this.#entriesSent];
      if (block === undefined) break;
      this.#entriesSent += 1;
      this.#sentBytes = block.endByte;
      this.#ports.send(MESSAGE.entries, block.bytes);
    }
    if (this.#entriesSent < this.#entries.length || this.#entriesBusy) return;
    if (!this.#entriesRead) {
      if (this.#ports.backlogBytes() > BACKLOG_BYTES) return;
      this.#entriesBusy = true;
      void this.#readEntries();
    } else if (!this.#entriesEnded) {
      this.#entriesEnded = true;
      this.#ports.send(MESSAGE.entriesEnd, NOTHING);
    }
  }

  async #readEntries(): Promise<void> {
    try {
      const block = await this.#source.nextEntries();
      if (block === null) this.#entriesRead = true;
      else this.#entries.push(block);
      this.#entriesBusy = false;
      this.#ports.advanced();
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  #pumpTrailers(): void {
    for (; this.#trailersSent < this.#trailers.length; this.#trailersSent += 1) {
      const block = this.#trailers[this.#trailersSent] as TrailerBlock;
      this.#ports.send(MESSAGE.trailers, block.bytes);
    }
    if (this.#trailersRead) {
      if (!this.#trailersEnded) this.#ports.send(MESSAGE.trailersEnd, NOTHING);
      this.#trailersEnded = true;
    } else if (!this.#trailersBusy) {
      this.#trailersBusy = true;
      void this.#readTrailers();
    }
  }

  async #readTrailers(): Promise<void> {
    try {
      const block = await this.#source.nextTrailers();
      if (block === null) this.#trailersRead = true;
      else this.#trailers.push(block);
      this.#trailersBusy = false;
      this.#ports.advanced();
    } catch (error) {
      this.#ports.failed(error);
    }
  }
}
