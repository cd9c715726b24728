/** Storage in memory behind a disk that takes virtual time, and that counts what is written. */
import type { Prng, VirtualClock } from '@jetstream/testkit';
import type { MemoryStorage } from '../../packages/server/src/data/worker/memory-storage.conformance.js';
import type {
  Source,
  SourceOptions,
  Storage,
  Target,
  TargetOptions,
} from '../../packages/server/src/storage/storage.js';

/** A disk: one thing after the other, as the disk thread does them. */
export interface TimedDisk {
  readonly clock: VirtualClock;
  readonly random: Prng;
  /** MB/s. */
  readonly bytesPerUs: number;
}

const SEEK_US_MAX = 500;

export class TimedStorage implements Storage {
  readonly #memory: MemoryStorage;
  readonly #disk: TimedDisk;
  /** How often each chunk was written. */
  readonly writes = new Map<number, number>();
  /** A receipt lies on a real disk: told before it is used, so that virtual time can stand still. */
  readonly #sealing: () => void;
  #freeAt = 0;

  constructor(memory: MemoryStorage, disk: TimedDisk, sealing: () => void) {
    this.#memory = memory;
    this.#disk = disk;
    this.#sealing = sealing;
  }

  async openSource(options: SourceOptions): Promise<Source> {
    await this.#pass(0);
    const source = await this.#memory.openSource(options);
    return {
      ...source,
      readChunk: async (chunk, offset) => {
        const length = await source.readChunk(chunk, offset);
        await this.#pass(length);
        return length;
      },
    };
  }

  async openTarget(options: TargetOptions): Promise<Target> {
    await this.#pass(0);
    const target = await this.#memory.openTarget(options);
    if (target.state.complete !== null) this.#sealing();
    return {
      ...target,
      addEntries: async (block) => {
        await this.#pass(0);
        return target.addEntries(block);
      },
      writeChunk: async (chunk, offset, length) => {
        await this.#pass(length);
        const outcome = await target.writeChunk(chunk, offset, length);
        this.writes.set(chunk, (this.writes.get(chunk) ?? 0) + 1);
        return outcome;
      },
      checkpoint: async () => {
        await this.#pass(0);
        return target.checkpoint();
      },
      suspend: async () => {
        await this.#pass(0);
        await target.suspend();
      },
      writeReceipt: (file, head) => {
        this.#sealing();
        return target.writeReceipt(file, head);
      },
    };
  }

  stop(): Promise<void> {
    return this.#memory.stop();
  }

  #pass(bytes: number): Promise<void> {
    const { clock, random, bytesPerUs } = this.#disk;
    this.#freeAt =
      Math.max(clock.now, this.#freeAt) + random.below(SEEK_US_MAX) + bytes / bytesPerUs;
    return new Promise((resolve) => clock.schedule(this.#freeAt, resolve));
  }
}
