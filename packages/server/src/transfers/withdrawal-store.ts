/** Cancelled transfers whose receivers are still to be told, in the server's database. */
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { SendOrder } from '../data/data-plane.js';

/** What a receiver is to throw away. */
export interface Withdrawal {
  readonly order: SendOrder;
  /** When the transfer was cancelled, microseconds since the epoch. */
  readonly sinceUs: number;
}

/** Writes resolve when they are durable, in the order of the calls. */
export class WithdrawalStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async insert({ order, sinceUs }: Withdrawal): Promise<void> {
    const row = { transferId: order.transferId, sendOrder: JSON.stringify(order), sinceUs };
    await this.#commits.write((transaction) =>
      transaction
        .insertInto('withdrawals')
        .values(row)
        .onConflict((conflict) => conflict.column('transferId').doUpdateSet(row))
        .execute(),
    );
  }

  async remove(transferId: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('withdrawals').where('transferId', '=', transferId).execute(),
    );
  }

  async all(): Promise<Withdrawal[]> {
    const rows = await this.#db.selectFrom('withdrawals').selectAll().execute();
    return rows.map(({ sendOrder, sinceUs }) => ({
      order: JSON.parse(sendOrder) as SendOrder,
      sinceUs,
    }));
  }
}
