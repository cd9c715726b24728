/** Storage in memory for tests of the data worker: content comes from a function of its place. */
import { createHash } from 'node:crypto';
import { writeDraft } from '../../receipts/receipt-writer.js';
import {
  CHUNK_BYTES,
  type ChunkRange,
  type ListTotals,
  type Source,
  type SourceOptions,
  type Storage,
  type Target,
  type TargetOptions,
  type TargetResult,
} from '../../storage/storage.js';

const digest = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** Content byte at a linear position; no two of 256 chunks in a row are alike. */
export const contentByte = (position: number): number =>
  (position * 31 + (position >> 8) + Math.floor(position / CHUNK_BYTES) * 101) & 0xff;

export const fillContent = (bytes: Uint8Array, start: number): void => {
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = contentByte(start + i);
};

/** These tests know all totals beforehand. */
const listTotals = ({ totalFiles, totalBytes }: SourceOptions | TargetOptions): ListTotals => ({
  files: totalFiles ?? 0,
  bytes: totalBytes ?? 0,
});

/** What a target has taken, kept over reopening like a journal. */
interface Kept {
  written: Map<number, Uint8Array>;
  durable: Set<number>;
  complete: TargetResult | null;
}

export interface MemoryStorageOptions {
  readonly arena: Uint8Array;
  /** Keep a digest of each chunk instead of its content. */
  readonly lean?: boolean;
  /** Damages a chunk at its first verification. */
  readonly damage?: (chunk: number) => boolean;
}

export class MemoryStorage implements Storage {
  readonly kept = new Map<string, Kept>();
  readonly #options: MemoryStorageOptions;
  readonly #damaged = new Set<number>();

  constructor(options: MemoryStorageOptions) {
    this.#options = options;
  }

  async openSource(options: SourceOptions): Promise<Source> {
    const { arena } = this.#options;
    let entries = 0;
    let trailers = 0;
    const totals = listTotals(options);
    return {
      nextEntries: async () => {
        entries += 1;
        if (entries > 1) return null;
        const bytes = new TextEncoder().encode('list');
        return { bytes, files: totals.files, endByte: totals.bytes };
      },
      totals: async () => totals,
      rewind: () => {
        entries = 0;
        trailers = 0;
      },
      readChunk: async (chunk, offset) => {
        const start = chunk * CHUNK_BYTES;
        const length = Math.min(CHUNK_BYTES, totals.bytes - start);
        const content = arena.subarray(offset, offset + length);
        fillContent(content, start);
        arena.set(digest(content), offset + length);
        return length;
      },
      skip: () => undefined,
      nextTrailers: async () => {
        trailers += 1;
        return trailers > 1 ? null : { bytes: new TextEncoder().encode('records') };
      },
      fileErrors: async () => [],
      writeReceipt: (file, head) => writeDraft(file, head, []),
      close: async () => undefined,
    };
  }

  async openTarget(options: TargetOptions): Promise<Target> {
    const { arena } = this.#options;
    const id = options.transferId;
    const fresh: Kept = { written: new Map(), durable: new Set(), complete: null };
    const kept = this.kept.get(id) ?? fresh;
    this.kept.set(id, kept);
    const durable: ChunkRange[] = [...kept.durable].map((first) => ({ first, end: first + 1 }));
    const totals = listTotals(options);
    const checkpoint = (): ChunkRange[] => {
      const added = [...kept.written.keys()].filter((chunk) => !kept.durable.has(chunk));
      for (const chunk of added) kept.durable.add(chunk);
      return added.map((first) => ({ first, end: first + 1 }));
    };
    return {
      state: { durable, complete: kept.complete, totals, listedBytes: 0 },
      addEntries: async () => ({ endByte: totals.bytes, files: totals.files }),
      endEntries: async () => undefined,
      addTrailers: async () => undefined,
      writeChunk: async (chunk, offset, length) => {
        if (this.#options.damage?.(chunk) === true && !this.#damaged.has(chunk)) {
          this.#damaged.add(chunk);
          return 'bad digest';
        }
        const content = arena.subarray(offset, offset + length);
        const sum = digest(content);
        if (!Buffer.from(sum).equals(arena.subarray(offset + length, offset + length + 32))) {
          return 'bad digest';
        }
        kept.written.set(chunk, this.#options.lean ? sum : content.slice());
        return 'written';
      },
      checkpoint: async () => checkpoint(),
      finish: async () => {
        checkpoint();
        const result = { fileErrors: [], verified: 'chunks' } as const;
        kept.complete = result;
        return result;
      },
      writeReceipt: (file, head) => writeDraft(file, head, []),
      suspend: async () => {
        checkpoint();
      },
      discard: async () => {
        this.kept.delete(id);
      },
    };
  }

  async stop(): Promise<void> {}
}
