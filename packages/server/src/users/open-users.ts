/** Users of a state directory for `jetstream users`, whether or not a server is running on it. */
import { systemClock } from '../adapters/clock/clock.js';
import { openDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { defaultStateDir, prepareStateDir } from '../adapters/state-dir/state-dir.js';
import { SqliteEventLog } from '../events/sqlite-event-log.js';
import { UserService } from './user-service.js';
import { SqliteUserStore } from './user-store.js';

export interface OpenUsers extends AsyncDisposable {
  readonly users: UserService;
  /** The directory that they belong to. */
  readonly stateDir: string;
  close(): Promise<void>;
}

/**
 * Opens the users of a state directory. A running server sees changes within a second.
 *
 * @param directory The state directory; the server's default one when null.
 */
export const openUsers = async (directory: string | null): Promise<OpenUsers> => {
  const stateDir = prepareStateDir(directory ?? defaultStateDir());
  const database = await openDatabase(stateDir);
  const { db } = database;
  const clock = systemClock;
  const events = new SqliteEventLog({ db, commits: new GroupCommit(db), clock });
  return {
    users: new UserService({ store: new SqliteUserStore(db), events, clock }),
    stateDir,
    close: database.close,
    [Symbol.asyncDispose]: database.close,
  };
};
