/** Every way in which a path comes in with a call, so that no rule is tested for one of them only. */
import type { Parameters, Session } from '../conformance/harness/sessions.js';

export interface PathEntry {
  /** Method and parameter. */
  readonly name: string;
  /** Gives the path to the server; rejects when the call or its request fails. */
  give(session: Session, path: string): Promise<unknown>;
}

const request = (method: string, params: (path: string) => Parameters): PathEntry => ({
  name: `${method} ${Object.keys(params('')).join(', ')}`,
  give: (session, path) => session.result(method, params(path)),
});

const manifest = (name: string, params: (path: string) => Parameters): PathEntry => ({
  name: `send.createManifest ${name}`,
  give: async (session, path) => {
    const { manifestId } = await session.call<{ manifestId: string }>(
      'send.createManifest',
      params(path),
    );
    const done = await session.call<{ status: string; errorMessage: string }>(
      'send.waitForManifest',
      { manifestId, timeoutSeconds: 20 },
    );
    if (done.status !== 'complete') throw new Error(done.errorMessage);
    return session.call('send.getManifestFiles', { manifestId });
  },
});

/** Entries that read what is at a path. */
export const READING_ENTRIES: readonly PathEntry[] = [
  request('lsAsync', (path) => ({ path })),
  request('lsAsync', (path) => ({ path, directory: true })),
  request('lsAsync', (path) => ({ path, calculateHashType: 'MD5' })),
  request('lsListAsync', (path) => ({ pathList: [path] })),
  request('duAsync', (path) => ({ path })),
  manifest('mappings', (path) => ({ mappings: { '/x': path } })),
  manifest('fileMappings', (path) => ({ fileMappings: [{ srcPath: path, destPath: '/x' }] })),
];

/** Entries that change what is at a path. */
export const WRITING_ENTRIES: readonly PathEntry[] = [
  request('mkdirAsync', (path) => ({ path })),
  request('mkFileAsync', (path) => ({ path, size: 1, modifyExisting: true })),
  request('rmAsync', (path) => ({ path })),
  {
    name: 'mvAsync path',
    give: (session, path) => session.result('mvAsync', { path, newPath: '/moved' }),
  },
  {
    name: 'mvAsync newPath',
    give: (session, path) => session.result('mvAsync', { path: '/to-move', newPath: path }),
  },
];
