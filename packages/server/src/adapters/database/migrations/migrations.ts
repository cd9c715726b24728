/**
 * Every change to the tables, in order. A migration is never edited once it is released; a new one
 * gets the next number, a file of its own and a line here.
 */
import type { Migration } from 'kysely';
import { control } from './0001-control.js';
import { transfers } from './0002-transfers.js';
import { rights } from './0003-rights.js';
import { events } from './0004-events.js';
import { osUsers } from './0008-os-users.js';

export const migrations: Readonly<Record<string, Migration>> = {
  '0001-control': control,
  '0002-transfers': transfers,
  '0003-rights': rights,
  '0004-events': events,
  '0008-os-users': osUsers,
};
