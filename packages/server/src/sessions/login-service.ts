/**
 * Logins: from a name and password, an API token or the local key to a {@link Login}. Whatever is
 * wrong with a password login, the answer has the same text and takes the same time.
 */
import { randomUUID } from 'node:crypto';
import { CommandError, PERMISSIONS } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { OsAccounts } from '../adapters/os-accounts/os-accounts.js';
import type { EventLog } from '../events/event-log.js';
import type { FoundLink, LinkGate } from '../links/link-gate.js';
import { parseSandboxPath } from '../sandboxes/sandbox-path.js';
import type { SandboxRoots } from '../sandboxes/sandbox-service.js';
import type { UserFiles } from '../sandboxes/user-files.js';
import type { DirectoryResolver } from '../tokens/token-service.js';
import type { StoredToken, TokenStore } from '../tokens/token-store.js';
import { parseToken, secretMatches } from '../tokens/token-text.js';
import type { PasswordVerifier } from '../users/password-hash.js';
import type { UserStore } from '../users/user-store.js';
import { type Caller, ownershipOf } from './caller.js';
import { FailureNotes } from './failure-notes.js';
import { isLocalKeyText, type LocalKey } from './local-key.js';
import type { LoginThrottle } from './login-throttle.js';
import { FAILED_LOGIN_MS, type OsLogins } from './os-logins.js';
import { HTTP_TOKEN_SESSION, type Login, type LoginOwner } from './session.js';

export interface LoginServiceOptions {
  readonly users: UserStore;
  readonly tokens: TokenStore;
  readonly links: Pick<LinkGate, 'logIn'>;
  readonly passwords: PasswordVerifier;
  readonly localKey: LocalKey;
  readonly throttle: LoginThrottle;
  readonly accounts: OsAccounts;
  readonly directories: DirectoryResolver;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: Pick<UserFiles, 'of'>;
  /** Null where accounts of the operating system cannot log in. */
  readonly osLogins: OsLogins | null;
  /** From the option `apiDisableApiTokens`. */
  readonly tokensDisabled: boolean;
}

export interface TokenCredentials {
  /** Text of an API token or of the local key. */
  readonly token: string;
  readonly password: string | null;
  /** Null makes a new token session. */
  readonly tokenSession: string | null;
}

/** Who tries to log in. */
interface Attempt {
  readonly account: string;
  readonly address: string;
  /** By a secret that cannot be guessed, which is why nothing slows it. */
  readonly bySecret: boolean;
}

const wrongPassword = (): CommandError =>
  new CommandError('auth_failed', 'Cannot log in: wrong user name or password');

const wrongToken = (why = 'the token is unknown or has been revoked'): CommandError =>
  new CommandError('auth_failed', `Cannot log in: ${why}`);

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

export class LoginService {
  readonly #options: LoginServiceOptions;
  readonly #tokenFailures: FailureNotes;
  #revocations = 0;

  constructor(options: LoginServiceOptions) {
    this.#options = options;
    this.#tokenFailures = new FailureNotes(options.clock);
  }

  /** @throws {CommandError} `auth_failed` or `auth_locked`. */
  byPassword(userName: string, password: string, address: string): Promise<Login> {
    const { users, passwords, throttle, osLogins } = this.#options;
    const attempt = async (): Promise<Login> => {
      const user = await users.find(userName);
      if (user === null && osLogins !== null) {
        if (!(await osLogins.verify(userName, password, address))) throw wrongPassword();
        const caller = await this.#userCaller(userName, address);
        return { caller, credential: { kind: 'os user', userName } };
      }
      const right = await passwords.verify(user?.passwordHash ?? null, password);
      if (user === null || !right || user.locked) throw wrongPassword();
      return {
        caller: await this.#userCaller(userName, address),
        credential: { kind: 'user', userName, userVersion: user.version },
      };
    };
    const inTime = osLogins === null ? attempt : () => this.#failSlowly(attempt);
    const from = { account: userName, address, bySecret: false };
    return this.#record(from, () => throttle.attempt(userName, address, inTime));
  }

  /**
   * Secrets of tokens cannot be guessed, so only their passwords are throttled.
   *
   * @throws {CommandError} `auth_failed` or `auth_locked`.
   */
  byToken(credentials: TokenCredentials, address: string): Promise<Login> {
    if (isLocalKeyText(credentials.token)) return this.#byLocalKey(credentials.token, address);
    const account = `token ${parseToken(credentials.token)?.id ?? ''}`;
    return this.#record({ account, address, bySecret: true }, async () => {
      const { token: text, password: given, tokenSession: session } = credentials;
      const asLink = { token: text, password: given, session };
      const shared = await this.#options.links.logIn(asLink, address);
      if (shared !== null) return this.#linkLogin(shared, session, address);
      const token = await this.#checkedToken(text);
      if (token.passwordHash !== null) {
        const { password } = credentials;
        const { throttle } = this.#options;
        await throttle.attempt(account, address, () => this.#checkPassword(token, password));
      }
      return this.#tokenLogin(token, credentials.tokenSession, address);
    });
  }

  /**
   * The caller behind a token that another server presents with an offer of files.
   *
   * @param beganWith Id of the token that the transfer began with, when it goes on now: that token
   * may have been deleted since.
   * @throws {CommandError} `auth_failed` if it is not valid or asks for a password.
   */
  async verifyUploadToken(
    tokenText: string,
    address: string,
    beganWith: string | null,
  ): Promise<Caller> {
    const token = await this.#checkedToken(tokenText, beganWith);
    if (token.passwordHash !== null) {
      throw wrongToken('the token asks for a password, which a transfer cannot give');
    }
    return (await this.#tokenLogin(token, `transfer from ${address}`, address)).caller;
  }

  /**
   * Whether what a token has begun must end: it has expired, or its owner is gone or locked. Deleting a
   * token ends nothing that it has begun.
   *
   * @throws {CommandError} `agent_unavailable` when there is no answer.
   */
  async isUploadOver(owner: string, tokenId: string): Promise<boolean> {
    try {
      await this.tokenOwner(owner);
    } catch (error) {
      if (error instanceof CommandError && error.code === 'auth_failed') return true;
      throw error;
    }
    const token = await this.#options.tokens.find(tokenId);
    return token !== null && this.#hasExpired(token);
  }

  /** Something was revoked: logins that are under way are checked once more. */
  revoked(): void {
    this.#revocations += 1;
  }

  #byLocalKey(text: string, address: string): Promise<Login> {
    const owner = this.#options.accounts.processOwner;
    const from = { account: `local key of ${owner}`, address, bySecret: true };
    return this.#record(from, async () => {
      if (!isLoopback(address) || !this.#options.localKey.matches(text)) {
        throw wrongToken('the local key is wrong or not used on its own machine');
      }
      const caller = await this.#userCaller(owner, address);
      return { caller, credential: { kind: 'local key' } };
    });
  }

  async #checkPassword(token: StoredToken, password: string | null): Promise<void> {
    if (password === null) throw wrongToken('the token asks for a password');
    if (await this.#options.passwords.verify(token.passwordHash, password)) return;
    throw wrongToken('the password of the token is wrong');
  }

  /** A token whose secret, date and owner are right; its password is yet to be checked. */
  async #checkedToken(text: string, beganWith: string | null = null): Promise<StoredToken> {
    if (this.#options.tokensDisabled) throw wrongToken('API tokens are disabled');
    const parsed = parseToken(text);
    if (parsed === null) throw wrongToken();
    const { tokens } = this.#options;
    const valid = await tokens.find(parsed.id);
    const token = valid ?? (beganWith === parsed.id ? await tokens.findDeleted(parsed.id) : null);
    if (token === null) throw wrongToken();
    if (!secretMatches(parsed.secret, token.secretHash)) throw wrongToken();
    if (this.#hasExpired(token)) throw wrongToken('the token has expired');
    return token;
  }

  #hasExpired({ expiryTimeUs }: StoredToken): boolean {
    return expiryTimeUs !== null && expiryTimeUs <= this.#options.clock.nowUs();
  }

  async #tokenLogin(token: StoredToken, session: string | null, address: string): Promise<Login> {
    const owner = await this.tokenOwner(token.owner);
    const caller = await this.#userCaller(token.owner, address);
    const confined = await this.#confine(caller, token.path);
    return {
      caller: {
        ...caller,
        ...confined,
        token: {
          id: token.id,
          session: session ?? randomUUID(),
          permissions: token.permissions,
          path: token.path,
        },
      },
      credential: { kind: 'token', tokenId: token.id, owner, expiryTimeUs: token.expiryTimeUs },
    };
  }

  /** A shared token acts for its owner, sees no files, and reads one manifest. */
  #linkLogin(shared: FoundLink, session: string | null, address: string): Login {
    const { link, owner, expiryTimeUs } = shared;
    // Many people have the same link; those who name no session must not share one.
    const own = session === HTTP_TOKEN_SESSION ? `${HTTP_TOKEN_SESSION} from ${address}` : session;
    return {
      caller: {
        userName: link.owner,
        level: 'user',
        token: {
          id: link.id,
          session: own ?? randomUUID(),
          permissions: PERMISSIONS.DOWNLOAD,
          path: null,
          manifestId: link.manifestId,
        },
        roots: new Map(),
        sandboxed: true,
        address,
      },
      credential: { kind: 'token', tokenId: link.id, owner, expiryTimeUs },
    };
  }

  /**
   * A token is worth as much as its owner's account.
   *
   * @throws {CommandError} `auth_failed` when that is gone or locked.
   */
  async tokenOwner(name: string): Promise<LoginOwner> {
    const user = await this.#options.users.find(name);
    if (user !== null && !user.locked) {
      return { kind: 'user', userName: name, userVersion: user.version };
    }
    if (user === null && name === this.#options.accounts.processOwner) {
      return { kind: 'process owner' };
    }
    const { osLogins } = this.#options;
    if (user === null && osLogins !== null && (await osLogins.isUsable(name))) {
      return { kind: 'os user', userName: name };
    }
    throw wrongToken();
  }

  /** The directory of a token's path becomes its root, so nothing beside it has a name. */
  async #confine(caller: Caller, path: string | null): Promise<SandboxRoots> {
    if (path === null) return { roots: caller.roots, sandboxed: caller.sandboxed };
    const parsed = parseSandboxPath(path, new Set(caller.roots.keys()));
    const root = caller.roots.get(parsed.rootName);
    if (root === undefined) throw wrongToken('the root of the token no longer exists');
    try {
      const directory = await this.#options.directories.resolveDirectory(root, parsed.components);
      return { roots: new Map([['', directory]]), sandboxed: true };
    } catch (cause) {
      const { logger } = this.#options;
      logger.warn({ err: cause, userName: caller.userName }, 'the directory of a token is gone');
      throw wrongToken('the directory of the token is not there');
    }
  }

  async #userCaller(userName: string, address: string): Promise<Caller> {
    const { roots, sandboxed } = await this.#options.files.of(userName);
    return { userName, level: 'user', token: null, roots, sandboxed, address };
  }

  /**
   * Built-in users and accounts of the operating system are checked by different means, which take
   * different times; that must not tell which of them a name belongs to.
   */
  async #failSlowly(attempt: () => Promise<Login>): Promise<Login> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      return await attempt();
    } catch (error) {
      const leftMs = FAILED_LOGIN_MS - (clock.monotonicMs() - startedMs);
      if (leftMs > 0) await new Promise<void>((resolve) => clock.after(leftMs, resolve));
      throw error;
    }
  }

  /** Logins by password are few, because they are slowed. */
  #isWritten({ address, bySecret }: Attempt): boolean {
    if (!bySecret) return true;
    const told = this.#tokenFailures.note(address);
    if (told === 'last') {
      const { logger } = this.#options;
      logger.warn({ address }, 'further failed logins by token are not written down for a while');
    }
    return told !== 'dropped';
  }

  /** Makes an attempt, again if something was revoked meanwhile, and writes down how it ended. */
  async #record(from: Attempt, attempt: () => Promise<Login>): Promise<Login> {
    const { account, address } = from;
    const { events, logger } = this.#options;
    const note = (written: Promise<void>): void => {
      written.catch((error: unknown) => {
        logger.error({ err: error }, 'a login could not be written to the event log');
      });
    };
    try {
      let revocations: number;
      let login: Login;
      do {
        revocations = this.#revocations;
        login = await attempt();
      } while (revocations !== this.#revocations);
      const { userName } = login.caller;
      note(events.append('loginSucceeded', { userName, address, ...ownershipOf(login.caller) }));
      return login;
    } catch (error) {
      // Refusals by the throttle are not written, or guessing would fill the log.
      if (error instanceof CommandError && error.code === 'auth_failed') {
        if (!this.#isWritten(from)) throw error;
        note(events.append('loginFailed', { userName: account.slice(0, 256), address }));
        logger.warn({ account: account.slice(0, 256), address }, 'a login failed');
      }
      throw error;
    }
  }
}
