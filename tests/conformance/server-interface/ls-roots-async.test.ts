import { expect, it } from 'vitest';
import { aNumber, aString } from '../harness/matchers.js';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('returns an empty path and the roots with the documented keys', async () => {
  const user = await sessions.as('user');
  const listing = await user.result<{ files: object[] }>('lsRootsAsync');
  expect(listing).toMatchObject({ path: '' });
  expect(listing.files.length).toBeGreaterThanOrEqual(1);
  for (const root of listing.files) {
    expect(root).toMatchObject({
      name: aString,
      type: 10,
      size: 0,
      mtime: aNumber,
      access: aNumber,
    });
  }
});

it('shows the root of the file system to a user who is not sandboxed', async () => {
  const user = await sessions.as('user');
  const { files } = await user.result<{ files: { name: string; access: number }[] }>(
    'lsRootsAsync',
  );
  expect(files).toHaveLength(1);
  expect((files[0]?.access ?? 0) & 5).toBe(5);
});

it('needs a login', () => expectLoginNeeded(sessions, 'lsRootsAsync'));
