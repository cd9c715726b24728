import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenDatabase, openMemoryDatabase } from '../adapters/database/database.js';
import { type Caller, mayAccess, type Ownership } from '../sessions/caller.js';
import { visibleTo } from './owner-filter.js';

let database: OpenDatabase;

const users = ['ann', 'bob', "o'hara"];
const tokens = [null, 't1', 't2'];
const sessions = ['s1', 's2'];

/** Every combination that an object can have been made by. */
const owners: Ownership[] = users.flatMap((owner) =>
  tokens.flatMap((ownerToken) =>
    (ownerToken === null ? [null] : sessions).map((ownerTokenSession) => ({
      owner,
      ownerToken,
      ownerTokenSession,
    })),
  ),
);
const idOf = (owner: Ownership): string => JSON.stringify(owner);

beforeAll(async () => {
  database = await openMemoryDatabase();
  const base = { status: 'complete' as const, errorCode: null, errorMessage: '', userData: '{}' };
  const sizes = { totalFiles: 0, totalSize: 0, creationTimeUs: 0 };
  const rows = owners.map((owner) => ({ ...base, ...sizes, ...owner, id: idOf(owner) }));
  await database.db.insertInto('manifests').values(rows).execute();
});
afterAll(() => database.close());

describe('visibleTo', () => {
  it('property: selects exactly what mayAccess allows', async () => {
    const anyCaller = fc.record({
      userName: fc.constantFrom(...users, 'nobody'),
      level: fc.constantFrom('user' as const, 'wrangler' as const, 'superuser' as const),
      token: fc.option(
        fc.record({
          id: fc.constantFrom('t1', 't2', 't3'),
          session: fc.constantFrom(...sessions),
          permissions: fc.constant(31),
          path: fc.constant(null),
        }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(anyCaller, async (part) => {
        const caller: Caller = { ...part, roots: new Map(), sandboxed: false, address: '' };
        const rows = await database.db
          .selectFrom('manifests')
          .select('id')
          .where(visibleTo(caller))
          .execute();
        const expected = owners.filter((owner) => mayAccess(caller, owner)).map(idOf);
        expect(rows.map((row) => row.id).sort()).toEqual(expected.sort());
      }),
    );
  });
});
