import type { ManifestStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns the manifests of the caller, oldest first, in pages', async () => {
  const user = await sessions.as('user');
  const first = await sending.manifest();
  const second = await sending.manifest();
  const all = await user.call<ManifestStructure[]>('send.getManifests');
  const ids = all.map(({ manifestId }) => manifestId);
  expect(ids.indexOf(second.manifestId)).toBeGreaterThan(ids.indexOf(first.manifestId));
  const offset = ids.indexOf(second.manifestId);
  const page = await user.call<ManifestStructure[]>('send.getManifests', { offset, limit: 1 });
  expect(page).toMatchObject([{ manifestId: second.manifestId }]);
});

it('shows those of other users to wranglers only', async () => {
  const { manifestId } = await sending.manifest();
  const seenBy = async (role: 'other' | 'token' | 'wrangler'): Promise<boolean> => {
    const session = await sessions.as(role);
    const all = await session.call<ManifestStructure[]>('send.getManifests');
    return all.some((manifest) => manifest.manifestId === manifestId);
  };
  expect([await seenBy('other'), await seenBy('token'), await seenBy('wrangler')]).toEqual([
    ...[false, false, true],
  ]);
});

it('needs a login', () => expectLoginNeeded(sessions, 'send.getManifests'));
