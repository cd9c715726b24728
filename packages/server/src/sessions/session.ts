/**
 * A WebSocket connection as the services see it: who is logged in on it, and what it wants to hear
 * about. Calls over HTTP have no session; each of them logs in by itself.
 */
import type { Caller } from './caller.js';

export const TOPICS = ['transfers', 'requests', 'events'] as const;
export type Topic = (typeof TOPICS)[number];

/** Token session of HTTP calls that name none. */
export const HTTP_TOKEN_SESSION = 'http';

/** What a login rests on: when it goes, the login goes. */
export type Credential =
  | { readonly kind: 'local key' }
  | { readonly kind: 'user'; readonly userName: string; readonly userVersion: number }
  | { readonly kind: 'os user'; readonly userName: string }
  | {
      readonly kind: 'token';
      readonly tokenId: string;
      readonly owner: LoginOwner;
      readonly expiryTimeUs: number | null;
    };

/** The account behind a token: a built-in user at a version, or one of the operating system. */
export type LoginOwner =
  | { readonly kind: 'process owner' }
  | { readonly kind: 'os user'; readonly userName: string }
  | { readonly kind: 'user'; readonly userName: string; readonly userVersion: number };

/** A successful login. */
export interface Login {
  readonly caller: Caller;
  readonly credential: Credential;
}

export interface Session {
  readonly id: string;
  /** Address of the client. */
  readonly address: string;
  /** Null until a login and after the credential was revoked. */
  readonly login: Login | null;
  /** Replaces the login of the session; subscriptions end with the login they were made with. */
  setLogin(login: Login | null): void;
  /** What it has subscribed to. */
  readonly topics: ReadonlySet<Topic>;
  subscribe(topics: readonly Topic[]): void;
  unsubscribe(topics: readonly Topic[]): void;
  /** Sends a text; resolves when it has left, with false when the connection is gone. */
  deliver(text: string): Promise<boolean>;
}
