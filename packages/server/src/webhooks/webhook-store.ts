/** Webhooks and their deliveries in the server's database. */
import type { WebhookDelivery } from '@jetstream/contract';
import type { Insertable, Selectable } from 'kysely';
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { WebhookTables } from '../adapters/database/webhook-tables.js';
import type { StoredEvent } from '../events/event-log.js';

export type WebhookRow = Selectable<WebhookTables['webhooks']>;
export type DeliveryRow = Selectable<WebhookTables['webhookDeliveries']>;

/** What an attempt has changed. */
export type DeliveryChange = Pick<
  DeliveryRow,
  'status' | 'attempts' | 'nextTimeUs' | 'lastTimeUs' | 'httpStatus' | 'errorMessage'
>;

export class WebhookStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  all(): Promise<WebhookRow[]> {
    return this.#db.selectFrom('webhooks').selectAll().orderBy('creationTimeUs').execute();
  }

  /** Adds a webhook that follows from the present end of the log. @returns The row. */
  add(row: Omit<WebhookRow, 'cursorSeq'>): Promise<WebhookRow> {
    return this.#commits.write(async (transaction) => {
      const last = await transaction.selectFrom('eventHead').select('seq').executeTakeFirst();
      const added = { ...row, cursorSeq: last?.seq ?? 0 };
      await transaction.insertInto('webhooks').values(added).execute();
      return added;
    });
  }

  async remove(id: string): Promise<void> {
    await this.#commits.write(async (transaction) => {
      await transaction.deleteFrom('webhookDeliveries').where('webhookId', '=', id).execute();
      await transaction.deleteFrom('webhooks').where('id', '=', id).execute();
    });
  }

  async pendingCount(webhookId: string): Promise<number> {
    const row = await this.#db
      .selectFrom('webhookDeliveries')
      .where('webhookId', '=', webhookId)
      .where('status', '=', 'pending')
      .select((build) => build.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** Remembers deliveries and how far the log was looked at, both or neither. */
  async enqueue(
    webhookId: string,
    {
      events,
      cursorSeq,
      nowUs,
    }: { events: readonly StoredEvent[]; cursorSeq: number; nowUs: number },
  ): Promise<void> {
    const rows = events.map(
      ({ seq: eventSeq, name: eventName }): Insertable<WebhookTables['webhookDeliveries']> => ({
        ...{ webhookId, eventSeq, eventName, status: 'pending', attempts: 0, nextTimeUs: nowUs },
        ...{ lastTimeUs: null, httpStatus: null, errorMessage: '' },
      }),
    );
    await this.#commits.write(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable('webhooks')
        .set({ cursorSeq })
        .where('id', '=', webhookId)
        .executeTakeFirst();
      if (numUpdatedRows === 0n || rows.length === 0) return;
      await transaction.insertInto('webhookDeliveries').values(rows).execute();
    });
  }

  /** Deliveries that are to be tried now, oldest first. */
  due(webhookId: string, nowUs: number, limit: number): Promise<DeliveryRow[]> {
    return this.#db
      .selectFrom('webhookDeliveries')
      .selectAll()
      .where('webhookId', '=', webhookId)
      .where('status', '=', 'pending')
      .where('nextTimeUs', '<=', nowUs)
      .orderBy('nextTimeUs')
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  async update(id: number, change: DeliveryChange): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.updateTable('webhookDeliveries').set(change).where('id', '=', id).execute(),
    );
  }

  /** Forgets what has ended but for the latest so many. */
  async trim(webhookId: string, keep: number): Promise<void> {
    await this.#commits.write(async (transaction) => {
      const oldest = await transaction
        .selectFrom('webhookDeliveries')
        .select('id')
        .where('webhookId', '=', webhookId)
        .where('status', '!=', 'pending')
        .orderBy('id', 'desc')
        .offset(keep)
        .limit(1)
        .executeTakeFirst();
      if (oldest === undefined) return;
      await transaction
        .deleteFrom('webhookDeliveries')
        .where('webhookId', '=', webhookId)
        .where('status', '!=', 'pending')
        .where('id', '<=', oldest.id)
        .execute();
    });
  }

  /** Latest first, before an id. */
  async list(
    webhookId: string,
    page: { readonly beforeId: number; readonly limit: number },
  ): Promise<WebhookDelivery[]> {
    const rows = await this.#db
      .selectFrom('webhookDeliveries')
      .selectAll()
      .where('webhookId', '=', webhookId)
      .where('id', '<', page.beforeId)
      .orderBy('id', 'desc')
      .limit(page.limit)
      .execute();
    return rows.map(({ id, webhookId: _hook, nextTimeUs, lastTimeUs, ...row }) => ({
      deliveryId: id,
      ...row,
      nextTime: nextTimeUs,
      lastTime: lastTimeUs,
    }));
  }
}
