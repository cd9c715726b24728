/** Calls with an idempotency key as they are stored. */
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import { IDEMPOTENCY_LIMITS } from './limits.js';

export interface StoredCall {
  /** The same for the same method and parameters. */
  readonly callDigest: string;
  /** Null while the call runs, and for good when it was broken off. */
  readonly sealedAnswer: Uint8Array | null;
}

export interface NewCall {
  readonly keyHash: string;
  readonly owner: string;
  readonly callDigest: string;
  readonly nowUs: number;
}

/** What `begin` found. */
export type Beginning =
  | { readonly kind: 'new' }
  | { readonly kind: 'known'; readonly call: StoredCall }
  | { readonly kind: 'too many' };

export interface IdempotencyStore {
  /** Notes that a call begins, unless its key is known; durable when this resolves. */
  begin(call: NewCall): Promise<Beginning>;
  /** Keeps the answer of a call that has begun; durable when this resolves. */
  finish(keyHash: string, sealedAnswer: Uint8Array): Promise<void>;
  /** Forgets a call that changed nothing. */
  forget(keyHash: string): Promise<void>;
}

/** In the database; writes share commits with others. */
export class SqliteIdempotencyStore implements IdempotencyStore {
  readonly #commits: GroupCommit;

  constructor(commits: GroupCommit) {
    this.#commits = commits;
  }

  begin({ keyHash, owner, callDigest, nowUs }: NewCall): Promise<Beginning> {
    return this.#commits.write(async (transaction): Promise<Beginning> => {
      await purge(transaction, nowUs - IDEMPOTENCY_LIMITS.keptMs * 1000);
      const known = await transaction
        .selectFrom('idempotentCalls')
        .select(['callDigest', 'sealedAnswer'])
        .where('keyHash', '=', keyHash)
        .executeTakeFirst();
      if (known !== undefined) return { kind: 'known', call: known };
      const own = transaction
        .selectFrom('idempotentCalls')
        .select('keyHash')
        .where('owner', '=', owner)
        .offset(IDEMPOTENCY_LIMITS.callsPerOwnerMax - 1)
        .limit(1);
      if ((await own.executeTakeFirst()) !== undefined) return { kind: 'too many' };
      await transaction
        .insertInto('idempotentCalls')
        .values({ keyHash, owner, callDigest, sealedAnswer: null, creationTimeUs: nowUs })
        .execute();
      return { kind: 'new' };
    });
  }

  finish(keyHash: string, sealedAnswer: Uint8Array): Promise<void> {
    return this.#commits.write(async (transaction) => {
      await transaction
        .updateTable('idempotentCalls')
        .set({ sealedAnswer: Buffer.from(sealedAnswer) })
        .where('keyHash', '=', keyHash)
        .execute();
    });
  }

  forget(keyHash: string): Promise<void> {
    return this.#commits.write(async (transaction) => {
      await transaction.deleteFrom('idempotentCalls').where('keyHash', '=', keyHash).execute();
    });
  }
}

const purge = async (db: Database, beforeUs: number): Promise<void> => {
  const outdated = db
    .selectFrom('idempotentCalls')
    .select('keyHash')
    .where('creationTimeUs', '<=', beforeUs)
    .limit(IDEMPOTENCY_LIMITS.purgedPerCallMax);
  await db.deleteFrom('idempotentCalls').where('keyHash', 'in', outdated).execute();
};
