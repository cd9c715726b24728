/**
 * Every change to the tables, in order. A migration is never edited once it is released; a new one
 * gets the next number, a file of its own and a line here.
 */
import type { Migration } from 'kysely';
import { control } from './0001-control.js';
import { transfers } from './0002-transfers.js';
import { rights } from './0003-rights.js';
import { events } from './0004-events.js';
import { webhooks } from './0006-webhooks.js';
import { links } from './0007-links.js';
import { osUsers } from './0008-os-users.js';
import { controlPort } from './0010-control-port.js';
import { idempotency } from './0011-idempotency.js';
import { transferPages } from './0012-transfer-pages.js';
import { withdrawals } from './0013-withdrawals.js';

export const migrations: Readonly<Record<string, Migration>> = {
  '0001-control': control,
  '0002-transfers': transfers,
  '0003-rights': rights,
  '0004-events': events,
  '0006-webhooks': webhooks,
  '0007-links': links,
  '0008-os-users': osUsers,
  '0010-control-port': controlPort,
  '0011-idempotency': idempotency,
  '0012-transfer-pages': transferPages,
  '0013-withdrawals': withdrawals,
};
