/**
 * API tokens: bearer credentials that act as their creator, narrowed by path and permissions. The
 * secret is shown once; a deleted token is refused from the next call on.
 */
import {
  CommandError,
  type Params,
  PERMISSIONS_ALL,
  type TokenStructure,
} from '@jetstream/contract';
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { EventLog } from '../events/event-log.js';
import { formatSandboxPath, parseSandboxPath } from '../sandboxes/sandbox-path.js';
import type { Caller } from '../sessions/caller.js';
import { LOGIN_LIMITS } from '../sessions/limits.js';
import { hashPassword } from '../users/password-hash.js';
import type { StoredToken, TokenStore } from './token-store.js';
import { formatToken, hashSecret, newToken, tokenIdOf } from './token-text.js';

/** Finds the directory behind a path, on the disk and inside its root. */
export interface DirectoryResolver {
  /**
   * @returns Address of the directory, links resolved, as of the owner of the root.
   * @throws {CommandError} If it is missing, no directory or outside.
   */
  resolveDirectory(root: string, components: readonly string[]): Promise<string>;
}

export interface TokenServiceOptions {
  readonly store: TokenStore;
  readonly directories: DirectoryResolver;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From the option `apiDisableApiTokens`. */
  readonly disabled: boolean;
}

const SECOND_US = 1_000_000;
const PURGE_INTERVAL_MS = 600_000;
/** Expired tokens can still be looked at for so long. */
const EXPIRED_KEPT_US = 3600 * SECOND_US;
/** Deleted ones are kept for as long as a transfer that began with them may be interrupted. */
const DELETED_KEPT_US = 8 * 24 * 3600 * SECOND_US;
const LIST_MAX = 1_000_000;

const expiryAfter = (nowUs: number, seconds: number): number =>
  nowUs + Math.ceil(seconds * SECOND_US);

const structureOf = (token: StoredToken, shownToken: string): TokenStructure => ({
  token: shownToken,
  description: token.description,
  creationTime: token.creationTimeUs,
  expiryTime: token.expiryTimeUs,
  passwordRequired: token.passwordHash !== null,
  permissions: token.permissions,
  path: token.path,
  owner: token.owner,
  // Tokens are made by users, never by tokens.
  ownerToken: null,
  ownerTokenSession: null,
  userData: {},
});

const notFound = (): CommandError =>
  new CommandError('not_found', 'Cannot find the API token: no such token, or it is not visible');

export class TokenService {
  readonly #options: TokenServiceOptions;
  readonly #removed = new Set<(id: string) => void>();
  readonly #updated = new Set<(id: string, expiryTimeUs: number | null) => void>();
  #purges: Timer | null = null;

  constructor(options: TokenServiceOptions) {
    this.#options = options;
  }

  /** Calls back with the id of each token that stops being valid by being deleted. */
  onRemoved(listener: (id: string) => void): void {
    this.#removed.add(listener);
  }

  /** Calls back with the id and the new expiry of each token that was updated. */
  onUpdated(listener: (id: string, expiryTimeUs: number | null) => void): void {
    this.#updated.add(listener);
  }

  start(): void {
    this.#purges = every(this.#options.clock, PURGE_INTERVAL_MS, () => {
      this.purge({ force: false, dryRun: false }).catch((error: unknown) =>
        this.#options.logger.error({ err: error }, 'expired API tokens could not be removed'),
      );
    });
  }

  stop(): void {
    this.#purges?.cancel();
  }

  async create(caller: Caller, params: Params<'createAPIToken'>): Promise<TokenStructure> {
    const { store, events, clock, disabled } = this.#options;
    if (disabled) {
      throw new CommandError('permission_denied', 'Cannot create an API token: they are disabled');
    }
    await this.#checkCount(caller);
    const given = params.path ?? null;
    const path = given === null ? null : await this.#checkedPath(caller, given);
    const text = newToken();
    const nowUs = clock.nowUs();
    const seconds = params.timeLimitSeconds ?? null;
    const password = params.password ?? null;
    const token: StoredToken = {
      id: text.id,
      secretHash: hashSecret(text.secret),
      passwordHash: password === null ? null : await hashPassword(password),
      description: params.description ?? '',
      owner: caller.userName,
      creationTimeUs: nowUs,
      expiryTimeUs: seconds === null ? null : expiryAfter(nowUs, seconds),
      permissions: params.permissions ?? PERMISSIONS_ALL,
      path,
    };
    const { id: tokenId, permissions, description, expiryTimeUs: expiryTime, owner } = token;
    const facts = { tokenId, description, path, permissions, expiryTime, owner };
    await Promise.all([events.append('tokenCreated', facts), store.insert(token)]);
    return structureOf(token, formatToken(text));
  }

  async get(caller: Caller, reference: string): Promise<TokenStructure> {
    const token = await this.#visible(caller, reference);
    return structureOf(token, token.id);
  }

  async list(caller: Caller, limit: number | null): Promise<TokenStructure[]> {
    const owner = caller.level === 'user' ? caller.userName : null;
    const tokens = await this.#options.store.list(owner, limit ?? LIST_MAX);
    return tokens.map((token) => structureOf(token, token.id));
  }

  /** Changes what is given; open logins with the token last until its new expiry. */
  async update(caller: Caller, params: Params<'updateAPIToken'>): Promise<void> {
    const { store, events, clock } = this.#options;
    const token = await this.#visible(caller, params.token);
    const seconds = params.timeLimitSeconds ?? null;
    const expiryTimeUs =
      seconds === null ? token.expiryTimeUs : expiryAfter(clock.nowUs(), seconds);
    const description = params.description ?? token.description;
    const facts = { tokenId: token.id, expiryTime: expiryTimeUs, description };
    const [, updated] = await Promise.all([
      events.append('tokenUpdated', { ...facts, by: caller.userName, owner: token.owner }),
      store.update(token.id, { expiryTimeUs, description }),
    ]);
    if (!updated) throw notFound();
    for (const listener of this.#updated) listener(token.id, expiryTimeUs);
  }

  /** Deletes a token; when this resolves, nobody is logged in with it any more. */
  async remove(caller: Caller, reference: string): Promise<void> {
    const token = await this.#visible(caller, reference);
    const { store, events, clock } = this.#options;
    const [, removed] = await Promise.all([
      events.append('tokenDeleted', {
        tokenId: token.id,
        by: caller.userName,
        owner: token.owner,
      }),
      store.remove(token.id, clock.nowUs()),
    ]);
    if (!removed) throw notFound();
    this.#announce(token.id);
  }

  /**
   * Removes tokens that expired a while ago.
   *
   * @param options `force` removes all that have expired; `dryRun` only counts them.
   * @returns How many.
   */
  async purge(options: { readonly force: boolean; readonly dryRun: boolean }): Promise<number> {
    const { store, events, clock } = this.#options;
    const nowUs = clock.nowUs();
    const beforeUs = options.force ? nowUs : nowUs - EXPIRED_KEPT_US;
    if (options.dryRun) return store.countExpired(beforeUs);
    const expired = await store.removeExpired(beforeUs);
    for (const { id, owner } of expired) {
      this.#announce(id);
      await events.append('tokenExpired', { tokenId: id, owner });
    }
    await store.forgetDeleted(nowUs - DELETED_KEPT_US);
    return expired.length;
  }

  async #visible(caller: Caller, reference: string): Promise<StoredToken> {
    const token = await this.#options.store.find(tokenIdOf(reference));
    const visible = token !== null && (caller.level !== 'user' || token.owner === caller.userName);
    if (!visible) throw notFound();
    return token;
  }

  async #checkCount(caller: Caller): Promise<void> {
    const count = await this.#options.store.countOf(caller.userName);
    if (count < LOGIN_LIMITS.tokensPerUserMax) return;
    throw new CommandError(
      'too_many_requests',
      `Cannot create an API token: you have ${count}, expected fewer than ${LOGIN_LIMITS.tokensPerUserMax}`,
    );
  }

  /**
   * The path in its one form. A token for a path that does not exist yet would cover whatever comes
   * to be there, so it has to be a directory now.
   */
  async #checkedPath(caller: Caller, path: string): Promise<string> {
    const parsed = parseSandboxPath(path, new Set(caller.roots.keys()));
    const root = caller.roots.get(parsed.rootName);
    if (root === undefined) {
      const text = JSON.stringify(path.slice(0, 200));
      throw new CommandError('path_not_found', `Cannot use the path ${text}: no such root`);
    }
    await this.#options.directories.resolveDirectory(root, parsed.components);
    return formatSandboxPath(parsed);
  }

  #announce(id: string): void {
    for (const listener of this.#removed) listener(id);
  }
}
