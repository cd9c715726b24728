/** Manifests and shared tokens for the tests of download links. */
import type { Parameters, Session, Sessions } from './sessions.js';

/** A shared token as the API shows it. */
export interface SharedToken {
  readonly token: string;
  readonly manifestId: string;
  readonly creationTime: number;
  readonly expiryTime: number | null;
  readonly downloadCount: number;
  readonly downloadLimit: number | null;
}

/** A complete manifest of one file, made in a session. */
export async function makeManifest(sessions: Sessions, session: Session): Promise<string> {
  const scratch = await sessions.scratch();
  await session.result('mkFileAsync', { path: `${scratch}/file`, size: 1000 });
  const mappings = { '/shared/file': `${scratch}/file` };
  const { manifestId } = await session.call<{ manifestId: string }>('send.createManifest', {
    mappings,
  });
  await session.call('send.waitForManifest', { manifestId, timeoutSeconds: 20 });
  return manifestId;
}

/** A shared token of the suite's user. */
export async function shareAsUser(
  sessions: Sessions,
  params: Parameters = {},
): Promise<SharedToken> {
  const user = await sessions.as('user');
  const manifestId = await makeManifest(sessions, user);
  return user.call<SharedToken>('send.createSharedToken', { manifestId, ...params });
}

/** Id that names a shared token, from its text. */
export const idOf = ({ token }: SharedToken): string => token.split('.')[1] ?? token;
