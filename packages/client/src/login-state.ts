/**
 * What a session must be told again on a new connection: who is logged in, elevation, and
 * subscriptions. It learns by watching the calls that succeed. Credentials live here, in memory,
 * and nowhere else.
 */
import { randomUUID } from 'node:crypto';
import type { MethodName, RpcNotification } from '@jetstream/contract';

/** Who to log in as. */
export type Credentials =
  | { readonly userName: string; readonly password: string }
  | { readonly token: string; readonly password?: string; readonly tokenSession?: string };

/** A call to make on a new connection. */
export interface SessionCall {
  readonly method: MethodName;
  readonly params: Record<string, unknown>;
}

/** The call that logs in. */
export const loginCall = (credentials: Credentials): SessionCall =>
  'token' in credentials
    ? { method: 'authToken', params: withTokenSession({ ...credentials }) }
    : { method: 'auth', params: { ...credentials } };

/**
 * Names the token session in the login itself. Were the server to make one for each login, a login
 * repeated after a broken connection would no longer see the requests and transfers of the first.
 */
const withTokenSession = (params: Record<string, unknown>): Record<string, unknown> => {
  const { token, tokenSession } = params;
  const isApiToken = typeof token === 'string' && token.startsWith('js1.');
  const absent = tokenSession === undefined || tokenSession === null;
  return isApiToken && absent ? { ...params, tokenSession: randomUUID() } : params;
};

const requestIdOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? (value as { requestId?: unknown }).requestId
    : value;

/** Tracks the state of one session. */
export class LoginState {
  #login: SessionCall | null = null;
  /** The level that the session was elevated to. */
  #elevated: 'wrangler' | 'superuser' | null = null;
  readonly #topics = new Set<unknown>();
  /** The last event that has arrived, to go on after it; null without that topic. */
  #eventSeq: number | null = null;
  /** Logins by `authAsync` whose result has not been asked for yet, by request id. */
  readonly #unconfirmed = new Map<unknown, Record<string, unknown>>();

  /** Whether a login has succeeded. */
  get authenticated(): boolean {
    return this.#login !== null;
  }

  /** Parameters as they are to be sent. */
  prepare(method: MethodName, params: object): object {
    const isLogin = method === 'authToken' || method === 'authAsync';
    return isLogin ? withTokenSession({ ...params }) : params;
  }

  /** Takes note of a call that has succeeded. */
  record(method: MethodName, params: object, result: unknown): void {
    const given = params as Record<string, unknown>;
    if (method === 'auth' || method === 'authToken') {
      this.#loggedIn({ method, params: given });
    } else if (method === 'authAsync') {
      this.#unconfirmed.set(requestIdOf(result), given);
    } else if (method === 'getRequestResult' && this.#unconfirmed.size > 0) {
      this.#confirm(requestIdOf(given.requestId));
    } else if (method === 'superuser') {
      this.#elevated = 'superuser';
    } else if (method === 'wrangler') {
      this.#elevated ??= 'wrangler';
    } else if (method === 'subscribe' || method === 'unsubscribe') {
      for (const topic of given.topics as unknown[]) {
        if (method === 'subscribe') this.#topics.add(topic);
        else this.#topics.delete(topic);
      }
      const { eventSeq } = (result ?? {}) as { eventSeq?: number };
      if (eventSeq !== undefined) this.#eventSeq = eventSeq;
      else if (!this.#topics.has('events')) this.#eventSeq = null;
    }
  }

  /** Takes note of what has arrived. */
  notified({ topic, item }: RpcNotification['params']): void {
    if (topic !== 'events' || this.#eventSeq === null) return;
    const { _eventSeq: seq } = (item ?? {}) as { _eventSeq?: unknown };
    if (typeof seq === 'number') this.#eventSeq = seq;
  }

  /** Calls that bring a new connection to the state of the old one. */
  replay(): SessionCall[] {
    const calls: SessionCall[] = [];
    if (this.#login !== null) calls.push(this.#login);
    if (this.#elevated !== null) calls.push({ method: this.#elevated, params: {} });
    if (this.#topics.size > 0) {
      const place = this.#eventSeq === null ? {} : { afterEventSeq: this.#eventSeq };
      calls.push({ method: 'subscribe', params: { topics: [...this.#topics], ...place } });
    }
    return calls;
  }

  /** Drops credentials and all else. */
  clear(): void {
    this.#login = null;
    this.#elevated = null;
    this.#topics.clear();
    this.#eventSeq = null;
    this.#unconfirmed.clear();
  }

  #loggedIn(login: SessionCall): void {
    this.#login = login;
    this.#elevated = null;
  }

  #confirm(requestId: unknown): void {
    const params = this.#unconfirmed.get(requestId);
    if (params === undefined) return;
    this.#unconfirmed.delete(requestId);
    const method = typeof params.token === 'string' ? 'authToken' : 'auth';
    const allowed =
      method === 'auth' ? ['userName', 'password'] : ['token', 'password', 'tokenSession'];
    const entries = Object.entries(params).filter(([name]) => allowed.includes(name));
    this.#loggedIn({ method, params: Object.fromEntries(entries) });
  }
}
