/** The event log of a state directory for `jetstream events`, whether or not a server runs on it. */
import { resolve } from 'node:path';
import { CommandError } from '@jetstream/contract';
import { openDatabaseToRead } from '../adapters/database/database.js';
import { sql } from '../adapters/database/query-builder.js';
import { defaultStateDir } from '../adapters/state-dir/state-dir.js';
import { type Verification, type VerifyOptions, verifyEvents } from './verify-events.js';

export interface OpenEventLog extends AsyncDisposable {
  /** The directory that it belongs to. */
  readonly stateDir: string;
  /** Checks every entry; nothing is changed. */
  verify(options?: VerifyOptions): Promise<Verification>;
}

const unreadable = (stateDir: string, why: string): CommandError =>
  new CommandError('not_found', `Cannot read the event log in "${stateDir}": ${why}`);

/**
 * Opens the event log of a state directory.
 *
 * @param directory The state directory; the server's default one when null.
 * @throws {CommandError} `not_found` when no server has kept its state there.
 */
export const openEventLog = async (directory: string | null): Promise<OpenEventLog> => {
  const stateDir = resolve(directory ?? defaultStateDir());
  const database = openDatabaseToRead(stateDir);
  if (database === null) {
    throw unreadable(stateDir, 'there is no database, expected the state directory of a server');
  }
  const { db, close } = database;
  try {
    const { rows } = await sql`select 1 from sqlite_master where name = 'eventHead'`.execute(db);
    if (rows.length === 0) {
      throw unreadable(stateDir, 'it is of an older version, expected one start of this server');
    }
  } catch (error) {
    await close();
    if (error instanceof CommandError) throw error;
    const { message } = error as Error;
    throw unreadable(stateDir, `${message}, expected the database of a server`);
  }
  return { stateDir, verify: (options) => verifyEvents(db, options), [Symbol.asyncDispose]: close };
};
