/** Requests as they are stored. */
import type { ErrorCode } from '@jetstream/contract';
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { Ownership } from '../sessions/caller.js';

export interface NewRequest extends Ownership {
  readonly method: string;
  readonly submitTimeUs: number;
}

export interface RequestFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

/** How a request ended. */
export type RequestEnd =
  | { readonly status: 'success'; readonly resultJson: string }
  | { readonly status: 'success'; readonly resultFileBytes: number }
  | { readonly status: 'error'; readonly error: RequestFailure };

export interface StoredRequest extends NewRequest {
  readonly id: number;
  /** Null while the request runs. */
  readonly end: RequestEnd | null;
}

export interface RequestStore {
  /** Stores a request and gives it its id; durable when this resolves. */
  insert(request: NewRequest): Promise<number>;
  /** Stores the end of a request; durable when this resolves. */
  finish(id: number, end: RequestEnd, endTimeUs: number): Promise<void>;
  find(id: number): Promise<StoredRequest | null>;
  /** Ends all that still run, with an error. */
  failRunning(error: RequestFailure, endTimeUs: number): Promise<number>;
  /** Removes some that ended before a moment; returns the ids of those with a result file. */
  removeEnded(beforeUs: number, limit: number): Promise<{ removed: number; withFile: number[] }>;
  /** How many ended before a moment. */
  countEnded(beforeUs: number): Promise<number>;
  /** Whether a request of this id has a result file. */
  ownsResultFile(id: number): Promise<boolean>;
}

interface Row {
  readonly status: 'pending' | 'success' | 'error';
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly errorDetails: string | null;
  readonly resultJson: string | null;
  readonly resultFileBytes: number | null;
}

const endOf = (row: Row): RequestEnd | null => {
  if (row.status === 'pending') return null;
  if (row.status === 'error') {
    return {
      status: 'error',
      error: {
        code: (row.errorCode ?? 'internal') as ErrorCode,
        message: row.errorMessage ?? '',
        details: JSON.parse(row.errorDetails ?? '{}') as Record<string, unknown>,
      },
    };
  }
  return row.resultFileBytes === null
    ? { status: 'success', resultJson: row.resultJson ?? 'null' }
    : { status: 'success', resultFileBytes: row.resultFileBytes };
};

const columnsOf = (end: RequestEnd, endTimeUs: number) => {
  const columns = { status: end.status, endTimeUs };
  if (end.status === 'error') {
    const { code, message, details } = end.error;
    const errorDetails = JSON.stringify(details);
    return { ...columns, errorCode: code, errorMessage: message, errorDetails };
  }
  return 'resultJson' in end
    ? { ...columns, resultJson: end.resultJson }
    : { ...columns, resultFileBytes: end.resultFileBytes };
};

/** Requests in the database; writes of many requests share a commit. */
export class SqliteRequestStore implements RequestStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  insert(request: NewRequest): Promise<number> {
    return this.#commits.write(async (transaction) => {
      const row = await transaction
        .insertInto('requests')
        .values({ ...request, status: 'pending' })
        .returning('id')
        .executeTakeFirstOrThrow();
      return row.id;
    });
  }

  finish(id: number, end: RequestEnd, endTimeUs: number): Promise<void> {
    return this.#commits.write(async (transaction) => {
      await transaction
        .updateTable('requests')
        .set(columnsOf(end, endTimeUs))
        .where('id', '=', id)
        .execute();
    });
  }

  async find(id: number): Promise<StoredRequest | null> {
    const query = this.#db.selectFrom('requests').selectAll().where('id', '=', id);
    const row = await query.executeTakeFirst();
    if (row === undefined) return null;
    const { method, owner, ownerToken, ownerTokenSession, submitTimeUs } = row;
    const end = endOf(row);
    return { id, method, owner, ownerToken, ownerTokenSession, submitTimeUs, end };
  }

  failRunning(error: RequestFailure, endTimeUs: number): Promise<number> {
    return this.#commits.write(async (transaction) => {
      const result = await transaction
        .updateTable('requests')
        .set(columnsOf({ status: 'error', error }, endTimeUs))
        .where('status', '=', 'pending')
        .executeTakeFirst();
      return Number(result.numUpdatedRows);
    });
  }

  removeEnded(beforeUs: number, limit: number): Promise<{ removed: number; withFile: number[] }> {
    return this.#commits.write(async (transaction) => {
      const old = transaction
        .selectFrom('requests')
        .select('id')
        .where('endTimeUs', '<=', beforeUs)
        .orderBy('endTimeUs')
        .limit(limit);
      const rows = await transaction
        .deleteFrom('requests')
        .where('id', 'in', old)
        .returning(['id', 'resultFileBytes'])
        .execute();
      const withFile = rows.filter((row) => row.resultFileBytes !== null).map((row) => row.id);
      return { removed: rows.length, withFile };
    });
  }

  async countEnded(beforeUs: number): Promise<number> {
    const row = await this.#db
      .selectFrom('requests')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('endTimeUs', '<=', beforeUs)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  async ownsResultFile(id: number): Promise<boolean> {
    const row = await this.#db
      .selectFrom('requests')
      .select('resultFileBytes')
      .where('id', '=', id)
      .executeTakeFirst();
    return row !== undefined && row.resultFileBytes !== null;
  }
}
