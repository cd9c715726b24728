/** A database with an event log and a clock of its own, for tests of what follows the log. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import type { EventFields } from './event-log.js';
import { SqliteEventLog } from './sqlite-event-log.js';

const DEADLINE_MS = 30_000;

export class FollowerLab {
  readonly dir: string;
  readonly clock = new ManualClock();
  readonly database: OpenDatabase;
  readonly commits: GroupCommit;
  readonly events: SqliteEventLog;

  private constructor(database: OpenDatabase, dir: string) {
    this.dir = dir;
    this.database = database;
    this.commits = new GroupCommit(database.db);
    const { clock, commits } = this;
    this.events = new SqliteEventLog({ db: database.db, commits, clock });
  }

  static async open(): Promise<FollowerLab> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'jetstream-follower-'));
    return new FollowerLab(await openDatabase(dir), dir);
  }

  /** Fields of the events of a name so far. */
  async told(name: string): Promise<EventFields[]> {
    const all = await this.events.read({ afterSeq: 0, limit: 10_000 });
    return all.filter((event) => event.name === name).map(({ fields }) => fields);
  }

  /** Resolves with what `look` finds; time of the clock passes meanwhile when it is given. */
  async until<T>(look: () => Promise<T | undefined> | T | undefined, stepMs = 0): Promise<T> {
    const deadline = performance.now() + DEADLINE_MS;
    while (performance.now() < deadline) {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      if (stepMs > 0) this.clock.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error('nothing was found in time');
  }

  async close(): Promise<void> {
    await this.commits.settled();
    await this.database.close();
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
