/** All open sessions: their number, notifications to them, and logins that end before they do. */
import type { RpcNotification } from '@jetstream/contract';
import type { Notifier } from '../control/notifier.js';
import { type Caller, mayAccess, type Ownership } from './caller.js';
import { clientNetwork } from './client-network.js';
import type { Credential, Session, Topic } from './session.js';

/** A session with what only the registry needs. */
export interface OpenSession extends Session {
  /** Sends the text of a notification. */
  notify(text: string): void;
  /** Called about every half minute: finds dead and idle connections. */
  checkLife(): void;
  close(code: number, reason: string): void;
  /** Ends the connection without waiting for the client. */
  terminate(): void;
}

export class SessionRegistry implements Notifier {
  readonly #sessions = new Set<OpenSession>();
  readonly #countByNetwork = new Map<string, number>();

  get count(): number {
    return this.#sessions.size;
  }

  countAt(address: string): number {
    return this.#countByNetwork.get(clientNetwork(address)) ?? 0;
  }

  add(session: OpenSession): void {
    this.#sessions.add(session);
    this.#countByNetwork.set(clientNetwork(session.address), this.countAt(session.address) + 1);
  }

  remove(session: OpenSession): void {
    if (!this.#sessions.delete(session)) return;
    const left = this.countAt(session.address) - 1;
    const network = clientNetwork(session.address);
    if (left > 0) this.#countByNetwork.set(network, left);
    else this.#countByNetwork.delete(network);
  }

  publish(topic: Topic, owner: Ownership, item: unknown): void {
    let text: string | null = null;
    for (const session of this.#sessions) {
      if (!session.topics.has(topic)) continue;
      const caller = session.login?.caller;
      if (caller === undefined || !mayAccess(caller, owner)) continue;
      text ??= JSON.stringify({
        jsonrpc: '2.0',
        method: 'notify',
        params: { topic, item },
      } satisfies RpcNotification);
      session.notify(text);
    }
  }

  /** Ends the logins that rest on a credential; the connections stay, without a login. */
  endLogins(isEnded: (credential: Credential) => boolean): void {
    for (const session of this.#sessions) {
      const login = session.login;
      if (login !== null && isEnded(login.credential)) session.setLogin(null);
    }
  }

  /** Gives logins by a token its new expiry. */
  changeExpiry(tokenId: string, expiryTimeUs: number | null): void {
    for (const session of this.#sessions) {
      const login = session.login;
      if (login === null || login.credential.kind !== 'token') continue;
      if (login.credential.tokenId !== tokenId) continue;
      session.setLogin({ ...login, credential: { ...login.credential, expiryTimeUs } });
    }
  }

  /** Callers of the sessions that are wranglers, each once per session. */
  wranglers(): Caller[] {
    return [...this.#sessions]
      .map((session) => session.login?.caller)
      .filter((caller) => caller !== undefined)
      .filter((caller) => caller.level === 'wrangler');
  }

  /** Makes wranglers of a user name users again. */
  endWranglers(userName: string): void {
    for (const session of this.#sessions) {
      const login = session.login;
      if (login?.caller.level !== 'wrangler' || login.caller.userName !== userName) continue;
      session.setLogin({ ...login, caller: { ...login.caller, level: 'user' } });
    }
  }

  /** Credentials that open sessions rest on. */
  credentials(): Credential[] {
    return [...this.#sessions].flatMap((session) => session.login?.credential ?? []);
  }

  checkLife(): void {
    for (const session of this.#sessions) session.checkLife();
  }

  closeAll(code: number, reason: string): void {
    for (const session of this.#sessions) session.close(code, reason);
  }

  terminateAll(): void {
    for (const session of this.#sessions) session.terminate();
  }
}
