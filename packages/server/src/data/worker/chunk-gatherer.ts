/**
 * Whole chunks on their way to the disk thread. A message to another thread costs about as much as
 * writing a chunk, so a few go together where they come soon one after the other.
 */
import { CHUNKS_AT_ONCE } from '../../storage/storage.js';

/** A whole chunk in the arena. */
export interface WholeChunk {
  readonly chunk: number;
  readonly offset: number;
  readonly contentBytes: number;
}

/** So long a chunk waits for others. */
const GATHER_MS = 16;

export interface GathererPorts {
  write(chunk: WholeChunk): void;
  /** Whether no further chunk is to come. */
  isLast(): boolean;
  /** Runs something later; returns what takes that back. */
  after(ms: number, run: () => void): () => void;
}

/** @see the head of this file */
export class ChunkGatherer {
  readonly #ports: GathererPorts;
  #gathered: WholeChunk[] = [];
  #cancel: (() => void) | null = null;

  constructor(ports: GathererPorts) {
    this.#ports = ports;
  }

  add(chunk: WholeChunk): void {
    this.#gathered.push(chunk);
    if (this.#gathered.length >= CHUNKS_AT_ONCE || this.#ports.isLast()) this.flush();
    else this.#cancel ??= this.#ports.after(GATHER_MS, () => this.flush());
  }

  /** Writes what waits. */
  flush(): void {
    for (const chunk of this.takeAll()) this.#ports.write(chunk);
  }

  /** Gives back what waits, which nobody is to write. */
  takeAll(): WholeChunk[] {
    this.#cancel?.();
    this.#cancel = null;
    const gathered = this.#gathered;
    this.#gathered = [];
    return gathered;
  }
}
