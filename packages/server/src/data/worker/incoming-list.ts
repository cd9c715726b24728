/**
 * How far the file list of a transfer that is received is known, and so how far its data may come. A
 * list that was offered without totals grows until its end is told; what the sender says of that is
 * held against what has come.
 */
import {
  type ListTotals,
  StorageError,
  type Target,
  type TargetState,
} from '../../storage/storage.js';
import { entriesEndBody, type OfferBody, parseBody } from './peer-messages.js';

export interface IncomingListPorts {
  readonly offer: Pick<OfferBody, 'totalFiles'>;
  /** More of an open list is known. @param isOpen Whether that was not all. */
  extended(bytes: number, isOpen: boolean): void;
}

/** @see the head of this file */
export class IncomingList {
  readonly #ports: IncomingListPorts;
  #files = 0;
  #bytes = 0;
  #totals: ListTotals | null = null;
  #hasEnded = false;

  constructor(ports: IncomingListPorts) {
    this.#ports = ports;
  }

  /** Linear bytes of the entries that are here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the whole list holds; null while that is not known. */
  get totals(): ListTotals | null {
    return this.#totals;
  }

  /** What is known of it, whole or not. */
  get known(): ListTotals {
    return this.#totals ?? { files: this.#files, bytes: this.#bytes };
  }

  /** Whether the sender has told the end in this attempt. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  opened({ totals }: TargetState): void {
    this.#totals = totals;
  }

  async add(target: Target, body: Uint8Array): Promise<void> {
    const { endByte, files } = await target.addEntries(body);
    this.#files = files;
    if (endByte > this.#bytes) this.#extend(endByte);
  }

  /** @throws {StorageError} `peer_refused` if the end is not where the sender says. */
  async end(target: Target, body: Uint8Array): Promise<void> {
    if (this.#ports.offer.totalFiles === null) {
      const told = parseBody(entriesEndBody, body);
      if (told === null) throw new StorageError('peer_refused', 'Cannot read the end of the list');
      const totals = { files: told.totalFiles, bytes: told.totalBytes };
      await target.endEntries(totals);
      this.#totals = totals;
    }
    this.#hasEnded = true;
    this.#extend(this.known.bytes);
  }

  #extend(bytes: number): void {
    this.#bytes = bytes;
    if (this.#ports.offer.totalFiles === null) this.#ports.extended(bytes, this.#totals === null);
  }
}
