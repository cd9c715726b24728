/**
 * Writes of many callers in one transaction: a commit costs one flush of the disk, however many
 * writes it holds. Each write is acknowledged when it is durable.
 */

import type { Database } from './database.js';
import { sql, type Transaction } from './query-builder.js';
import type { Schema } from './schema.js';

/** Most writes in one transaction, so that the main thread is not held for long. */
export const COMMIT_WRITES_MAX = 256;

export type Write<T> = (transaction: Transaction<Schema>) => Promise<T>;

interface Waiting {
  readonly write: Write<unknown>;
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

export class GroupCommit {
  readonly #db: Database;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Runs a write in the next transaction; resolves with its result once that is durable. */
  write<T>(write: Write<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ write, resolve: resolve as (value: unknown) => void, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when everything asked for so far is durable or has failed. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // Whatever else arrives in this turn of the event loop comes along.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      await this.#commit(this.#waiting.splice(0, COMMIT_WRITES_MAX));
    }
    this.#running = null;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const results = await this.#db.transaction().execute(async (transaction) => {
        // Takes the lock of the writer before anything is read: otherwise a write by another process
        // in between, such as `jetstream users`, would make this one fail.
        await sql`update "settings" set "value" = "value" where "name" = ''`.execute(transaction);
        const values: unknown[] = [];
        for (const { write } of group) values.push(await write(transaction));
        return values;
      });
      group.forEach((waiting, index) => {
        waiting.resolve(results[index]);
      });
    } catch (error) {
      // One bad write must not take its neighbours along: each gets a transaction of its own.
      if (group.length === 1) group[0]?.reject(error);
      else for (const waiting of group) await this.#commit([waiting]);
    }
  }
}
