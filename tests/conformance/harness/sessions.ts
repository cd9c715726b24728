/**
 * Sessions of a conformance test, one per role, and the calls that it makes through them.
 *
 * Methods and parameters are named by plain strings, as the reference's page spells them: took the
 * tests their names and types from our contract, they would follow each of its mistakes.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { type Api, JetStream, MemoryKnownServers } from '@jetstream/client';
import type { MethodName } from '@jetstream/contract';
import { afterAll, expect, inject } from 'vitest';
import { noteSecrets } from './secrets.js';
import type { Account, Endpoint, Target } from './target.js';

/** What the suite runs against. */
export const target: Target = inject('target');

/** Who calls. `nobody` is connected only; `token` is an API token of `user` with all rights. */
export type Role = 'nobody' | 'user' | 'other' | 'token' | 'wrangler' | 'superuser';

export type Parameters = Readonly<Record<string, unknown>>;

/** One connection to a server. */
export interface Session {
  readonly api: Api;
  /** Calls a method by the names of the page. */
  call<Answer = unknown>(method: string, params?: Parameters): Promise<Answer>;
  /** Submits a request and returns what `getRequestResult` yields for it. */
  result<Answer = unknown>(method: string, params?: Parameters): Promise<Answer>;
}

/** What a refused call rejects with. */
export const failure = (code: string): { name: string; code: string } => ({
  name: 'CommandError',
  code,
});

/** What any failed call rejects with, where the page leaves the reason open. */
export const anyFailure = { name: 'CommandError' };

/** Connects without logging in. */
export async function connect(place: Endpoint = target): Promise<Session> {
  const jetstream = new JetStream({
    knownServers: new MemoryKnownServers(),
    localKeyFile: false,
    reconnect: false,
  });
  const api = jetstream.api(place.host, place.apiPort);
  await api.connect();
  const call = async <Answer>(method: string, params: Parameters = {}): Promise<Answer> => {
    noteSecrets(params);
    const answer = (await api.call(method as MethodName, params as never)) as Answer;
    noteSecrets(answer);
    return answer;
  };
  return {
    api,
    call,
    result: async (method, params) => {
      const { requestId } = await call<{ requestId: number }>(method, params);
      return call('getRequestResult', { requestId });
    },
  };
}

/** Sessions of a test file, opened when first asked for and closed after its last test. */
export interface Sessions {
  as(role: Role): Promise<Session>;
  /** A session of its own, for tests that change it. */
  fresh(role: Role): Promise<Session>;
  /** A connected session of an account. */
  login(account: Account, place?: Endpoint): Promise<Session>;
  /** A session logged in by API token. */
  loginByToken(token: string, more?: Parameters): Promise<Session>;
  /** A connection to the second server, as superuser. */
  peer(): Promise<Session>;
  /** A new empty directory on the server, removed after the file's last test. */
  scratch(): Promise<string>;
}

type Entrances = Pick<Sessions, 'as' | 'login' | 'loginByToken'> & {
  open(place?: Endpoint): Promise<Session>;
};

const elevate = async (session: Session): Promise<Session> => {
  await session.call('superuser');
  return session;
};

/** Opens a session of a role. */
const enter = async (role: Role, entrances: Entrances): Promise<Session> => {
  const { as, open, login, loginByToken } = entrances;
  switch (role) {
    case 'nobody':
      return open();
    case 'user':
      return login(target.user);
    case 'other':
      return login(target.other);
    case 'superuser':
      return elevate(await login(target.superuser));
    case 'token': {
      const user = await as('user');
      const { token } = await user.call<{ token: string }>('createAPIToken');
      return loginByToken(token);
    }
    case 'wrangler': {
      const superuser = await as('superuser');
      await superuser.call('addWranglerAsync', { name: target.wrangler.userName });
      const session = await login(target.wrangler);
      await session.call('wrangler');
      return session;
    }
  }
};

/** Keeps the sessions of one test file. */
export function openSessions(): Sessions {
  const opened: Session[] = [];
  const shared = new Map<Role, Promise<Session>>();
  const directories: string[] = [];
  const open = async (place?: Endpoint): Promise<Session> => {
    const session = await connect(place);
    opened.push(session);
    return session;
  };
  const login = async (account: Account, place?: Endpoint): Promise<Session> => {
    const session = await open(place);
    await session.call('auth', { ...account });
    return session;
  };
  const loginByToken = async (token: string, more: Parameters = {}): Promise<Session> => {
    const session = await open();
    await session.call('authToken', { token, ...more });
    return session;
  };
  const as = (role: Role): Promise<Session> => {
    const session = shared.get(role) ?? fresh(role);
    shared.set(role, session);
    return session;
  };
  const fresh = (role: Role): Promise<Session> => enter(role, { as, open, login, loginByToken });
  afterAll(async () => {
    if (directories.length > 0) {
      const user = await as('user');
      await Promise.allSettled(directories.map((path) => user.result('rmAsync', { path })));
    }
    await Promise.allSettled(opened.map(({ api }) => api.close()));
  });
  return {
    as,
    fresh,
    login,
    loginByToken,
    peer: async () => {
      const { peer } = target;
      if (peer === null) throw new Error('the target has no second server');
      return elevate(await login(peer.superuser, peer));
    },
    scratch: async () => {
      const user = await as('user');
      const path = `${target.directory}/${randomUUID()}`;
      await user.result('mkdirAsync', { path });
      directories.push(path);
      return path;
    },
  };
}

/** Expects a method to be refused before a login. */
export async function expectLoginNeeded(
  sessions: Sessions,
  method: string,
  params: Parameters = {},
): Promise<void> {
  const nobody = await sessions.as('nobody');
  await expect(nobody.call(method, params)).rejects.toMatchObject(failure('not_authenticated'));
}

/** Expects a method to be refused to everyone who is not a superuser, tokens included. */
export async function expectSuperuserOnly(
  sessions: Sessions,
  method: string,
  params: Parameters = {},
): Promise<void> {
  await expectLoginNeeded(sessions, method, params);
  for (const role of ['user', 'token', 'wrangler'] as const) {
    const session = await sessions.as(role);
    const outcome = expect(session.call(method, params), `as ${role}`);
    await outcome.rejects.toMatchObject(failure('permission_denied'));
  }
}

/**
 * Gives what lies at a path to an account, where accounts have files of their own; links themselves,
 * not what they lead to.
 */
export const giveTo = (role: 'user' | 'other', path: string): void => {
  const uid = target.fileOwners?.[role];
  if (uid !== undefined) execFileSync('chown', ['-h', '-R', `${uid}`, path]);
};

/** Waits until a check holds. @throws {Error} After 25 s. */
export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 25_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`It took more than 25 s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
