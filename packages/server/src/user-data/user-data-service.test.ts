import type { UserData } from '@jetstream/contract';
import { describe, expect, test } from 'vitest';
import type { EventLog } from '../events/event-log.js';
import type { Caller } from '../sessions/caller.js';
import { formatToken, newToken } from '../tokens/token-text.js';
import { type UserDataKeeper, UserDataService } from './user-data-service.js';

const SECRET = 'what the user keeps to itself';
const CALLER: Caller = {
  userName: 'ann',
  level: 'user',
  token: null,
  roots: new Map(),
  sandboxed: true,
  address: '192.0.2.1',
};

const openLab = () => {
  const written: { name: string; fields: unknown }[] = [];
  let kept: UserData = {};
  const keeper: UserDataKeeper = {
    edit: async (_caller, _objectId, edit) => {
      kept = edit(kept);
      return {
        userData: kept,
        ownership: { owner: 'ann', ownerToken: null, ownerTokenSession: null },
      };
    },
  };
  const service = new UserDataService({
    keepers: { manifest: keeper, destination: keeper, transfer: keeper, sharedToken: keeper },
    events: {
      append: async (name: string, fields: unknown) => {
        written.push({ name, fields });
      },
    } as unknown as EventLog,
  });
  return { service, written };
};

describe('userDataChanged', () => {
  test('names the keys, and holds no value', async () => {
    const { service, written } = openLab();
    const object = { objectType: 'manifest', objectId: '7' } as const;
    await service.update(CALLER, { ...object, userData: { note: SECRET, list: [SECRET] } });
    await service.remove(CALLER, { ...object, key: 'note' });
    expect(written).toMatchObject([
      { name: 'userDataChanged', fields: { ...object, keys: ['note', 'list'], by: 'ann' } },
      { name: 'userDataChanged', fields: { ...object, keys: ['note'], by: 'ann' } },
    ]);
    expect(JSON.stringify(written)).not.toContain(SECRET);
  });

  test('names a shared token by its id when it was named by its whole text', async () => {
    const { service, written } = openLab();
    const token = newToken();
    const object = { objectType: 'sharedToken', objectId: formatToken(token) } as const;
    await service.update(CALLER, { ...object, userData: { note: 1 } });
    expect(written).toMatchObject([{ fields: { objectId: token.id } }]);
    expect(JSON.stringify(written)).not.toContain(token.secret.reveal());
  });

  test('is not told of what was refused', async () => {
    const { service, written } = openLab();
    const object = { objectType: 'manifest', objectId: '7' } as const;
    const large = { ...object, userData: { text: 'x'.repeat(70_000) } };
    await expect(service.update(CALLER, large)).rejects.toMatchObject({ code: 'conflict' });
    expect(written).toEqual([]);
  });
});
