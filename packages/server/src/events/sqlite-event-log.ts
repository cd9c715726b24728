/** The event log in the server's database. Triggers there refuse to change or delete entries. */
import type { Clock } from '../adapters/clock/clock.js';
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import { canonicalJson, FIRST_PREVIOUS_HASH, hashEvent } from './event-chain.js';
import type { EventFields, EventLog, StoredEvent } from './event-log.js';
import type { EventFieldsOf, EventName } from './event-names.js';

export interface SqliteEventLogOptions {
  readonly db: Database;
  readonly commits: GroupCommit;
  readonly clock: Clock;
}

/** @see the head of this file */
export class SqliteEventLog implements EventLog {
  readonly #db: Database;
  readonly #commits: GroupCommit;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();

  constructor(options: SqliteEventLogOptions) {
    this.#db = options.db;
    this.#commits = options.commits;
    this.#clock = options.clock;
  }

  /** Calls back each time that this process has made an entry durable. */
  onAppended(listener: () => void): void {
    this.#listeners.add(listener);
  }

  async append<N extends EventName>(name: N, fields: EventFieldsOf<N>): Promise<void> {
    const timeUs = this.#clock.nowUs();
    const text = canonicalJson(fields as EventFields);
    await this.#commits.write(async (transaction) => {
      // Read within the transaction: a write that was rolled back leaves no gap in the chain.
      const last = await transaction
        .selectFrom('eventHead')
        .select(['seq', 'hash'])
        .executeTakeFirst();
      const event = {
        seq: (last?.seq ?? 0) + 1,
        timeUs,
        name,
        fields: text,
        previousHash: last?.hash ?? FIRST_PREVIOUS_HASH,
      };
      await transaction
        .insertInto('events')
        .values({ ...event, hash: hashEvent(event) })
        .execute();
    });
    for (const listener of this.#listeners) listener();
  }

  /** Entries after a sequence number, oldest first. */
  async read(options: {
    readonly afterSeq: number;
    readonly limit: number;
  }): Promise<StoredEvent[]> {
    const rows = await this.#db
      .selectFrom('events')
      .select(['seq', 'timeUs', 'name', 'fields'])
      .where('seq', '>', options.afterSeq)
      .orderBy('seq')
      .limit(options.limit)
      .execute();
    return rows.map((row) => ({
      ...row,
      name: row.name as EventName,
      fields: JSON.parse(row.fields) as EventFields,
    }));
  }
}
