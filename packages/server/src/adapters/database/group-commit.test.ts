import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OpenDatabase, openMemoryDatabase } from './database.js';
import { COMMIT_WRITES_MAX, GroupCommit, type Write } from './group-commit.js';

let database: OpenDatabase;
let commits: GroupCommit;
beforeEach(async () => {
  database = await openMemoryDatabase();
  commits = new GroupCommit(database.db);
});
afterEach(() => database.close());

const insert =
  (name: string): Write<string> =>
  async (transaction) => {
    await transaction.insertInto('settings').values({ name, value: '' }).execute();
    return name;
  };
const names = async (): Promise<string[]> => {
  const rows = await database.db.selectFrom('settings').select('name').orderBy('name').execute();
  return rows.map(({ name }) => name);
};

describe('GroupCommit', () => {
  test('many writes at once all get their own result', async () => {
    const wanted = Array.from({ length: COMMIT_WRITES_MAX + 10 }, (_, at) => `n${1000 + at}`);
    expect(await Promise.all(wanted.map((name) => commits.write(insert(name))))).toEqual(wanted);
    expect(await names()).toEqual(wanted);
  });

  test('a write that fails takes no other one along', async () => {
    await commits.write(insert('taken'));
    const outcomes = await Promise.allSettled(
      ['a', 'taken', 'b'].map((name) => commits.write(insert(name))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await names()).toEqual(['a', 'b', 'taken']);
  });

  test('a write with several statements happens as a whole or not at all', async () => {
    const half: Write<void> = async (transaction) => {
      await insert('half')(transaction);
      throw new Error('broken');
    };
    await expect(commits.write(half)).rejects.toThrow('broken');
    expect(await names()).toEqual([]);
  });

  test('settled waits for everything', async () => {
    const write = commits.write(insert('late'));
    await commits.settled();
    expect(await names()).toEqual(['late']);
    await write;
  });
});
