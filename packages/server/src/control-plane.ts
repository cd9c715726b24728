/** The services of the control plane: users, rights, logins, tokens, requests. Built in order. */
import type { EventLog } from './events/event-log.js';
import type { FileOperations } from './files/file-operations.js';
import type { Foundation } from './foundation.js';
import { LinkGate } from './links/link-gate.js';
import { SqliteLinkStore } from './links/sqlite-link-store.js';
import { RequestService } from './requests/request-service.js';
import { SqliteRequestStore } from './requests/request-store.js';
import { ResultFiles } from './requests/result-files.js';
import { SandboxService } from './sandboxes/sandbox-service.js';
import { SqliteSandboxStore } from './sandboxes/sandbox-store.js';
import { UserFiles } from './sandboxes/user-files.js';
import { HeaderLogin } from './sessions/http-login.js';
import { LOGIN_LIMITS } from './sessions/limits.js';
import { type LocalKey, openLocalKey } from './sessions/local-key.js';
import { LoginService } from './sessions/login-service.js';
import { type Lockout, LoginThrottle } from './sessions/login-throttle.js';
import { OsLogins } from './sessions/os-logins.js';
import { OsRevocation, type OsRevocationOptions } from './sessions/os-revocation.js';
import { Revocation } from './sessions/revocation.js';
import { SessionRegistry } from './sessions/session-registry.js';
import { TokenService } from './tokens/token-service.js';
import { SqliteTokenStore } from './tokens/token-store.js';
import { PasswordVerifier } from './users/password-hash.js';
import { SqliteUserStore } from './users/user-store.js';
import { AccountDirectory } from './wranglers/account-directory.js';
import { Elevation } from './wranglers/elevation.js';
import { WranglerService } from './wranglers/wrangler-service.js';
import { SqliteWranglerStore } from './wranglers/wrangler-store.js';

export interface ControlPlane {
  readonly registry: SessionRegistry;
  readonly requests: RequestService;
  readonly logins: LoginService;
  readonly headerLogin: HeaderLogin;
  readonly tokens: TokenService;
  readonly links: LinkGate;
  /** Ends logins by tokens that are deleted, and moves the end of those that are changed. */
  readonly revocation: Pick<Revocation, 'tokenRemoved' | 'tokenUpdated'>;
  readonly sandboxes: SandboxService;
  readonly userFiles: UserFiles;
  readonly elevation: Elevation;
  readonly wranglers: WranglerService;
  readonly localKey: LocalKey;
  start(): Promise<void>;
  stop(options: { drainMs: number }): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly foundation: Foundation;
  readonly events: EventLog;
  readonly files: FileOperations;
}

const tellLockout =
  ({ foundation, events }: ControlPlaneOptions) =>
  ({ scope, account, address }: Lockout): void => {
    const lockSeconds = LOGIN_LIMITS.lockMs / 1000;
    const facts = { userName: account.slice(0, 256), address, scope, lockSeconds };
    foundation.logger.warn(facts, 'logins are locked');
    events.append('loginLocked', facts).catch((error: unknown) => {
      foundation.logger.error({ err: error }, 'a lock-out could not be written to the event log');
    });
  };

const buildLogins = (
  options: ControlPlaneOptions,
  localKey: LocalKey,
  files: UserFiles,
): { readonly logins: LoginService; readonly links: LinkGate } => {
  const { config, clock, logger, db, commits, accounts, monitor } = options.foundation;
  const tokens = new SqliteTokenStore(db, commits);
  const passwords = new PasswordVerifier(clock);
  const throttle = new LoginThrottle(clock, tellLockout(options));
  const links = new LinkGate({
    store: new SqliteLinkStore(db, commits),
    tokens,
    passwords,
    throttle,
    ownerOf: (name) => logins.tokenOwner(name),
    clock,
    disabled: config.apiDisableSharedTokens,
  });
  const logins: LoginService = new LoginService({
    users: new SqliteUserStore(db),
    tokens,
    links,
    passwords,
    localKey,
    throttle,
    accounts,
    directories: options.files,
    events: options.events,
    clock,
    logger,
    files,
    osLogins: monitor === null ? null : new OsLogins(monitor, accounts),
    tokensDisabled: config.apiDisableApiTokens,
  });
  return { logins, links };
};

/** Who may do what: sandboxes, elevation, wranglers. The callbacks tell of what was taken back. */
const buildRights = (
  { foundation, events, files }: ControlPlaneOptions,
  changed: { readonly sandboxes: () => void; readonly wranglers: () => Promise<void> },
) => {
  const { config, clock, logger, db, commits } = foundation;
  const sandboxes = new SandboxService({
    store: new SqliteSandboxStore(db, commits),
    events,
    directories: files,
    sandboxDir: config.sandboxDir,
    onChanged: changed.sandboxes,
  });
  const users = new SqliteUserStore(db);
  const { processOwner } = foundation.accounts;
  const { monitor } = foundation;
  const filesAccount = monitor?.filesAccount ?? null;
  const hasAgents = monitor !== null;
  const userFiles = new UserFiles({ sandboxes, users, processOwner, filesAccount, hasAgents });
  const accounts = new AccountDirectory(foundation.accounts, users);
  const store = new SqliteWranglerStore(db, commits);
  const elevation = new Elevation({
    accounts,
    wranglers: store,
    superusers: config.superuser,
    supergroups: config.supergroup,
    events,
    clock,
    logger,
  });
  const onRemoved = changed.wranglers;
  const wranglers = new WranglerService({ store, accounts, elevation, events, onRemoved });
  return { sandboxes, userFiles, elevation, wranglers };
};

/** Watches over the accounts of the operating system that are logged in, where there are any. */
const buildOsRevocation = (
  { monitor, accounts, clock, logger }: Foundation,
  holders: Pick<OsRevocationOptions, 'http' | 'sessions'>,
): OsRevocation | null =>
  monitor === null
    ? null
    : new OsRevocation({ ...holders, osLogins: new OsLogins(monitor, accounts), clock, logger });

/** Builds the services; nothing runs before `start`. */
export const buildControlPlane = (options: ControlPlaneOptions): ControlPlane => {
  const { config, clock, logger, stateDir, db, commits, database, serverUid } = options.foundation;
  const registry = new SessionRegistry();
  const localKey = openLocalKey(stateDir, serverUid);
  const rights = buildRights(options, {
    sandboxes: () => revocation.sandboxesChanged(),
    wranglers: () => revocation.checkWranglers(),
  });
  const { sandboxes, elevation } = rights;
  const { logins, links } = buildLogins(options, localKey, rights.userFiles);
  const headerLogin = new HeaderLogin(logins, elevation, clock);
  const tokens = new TokenService({
    store: new SqliteTokenStore(db, commits),
    directories: options.files,
    events: options.events,
    clock,
    logger,
    disabled: config.apiDisableApiTokens,
  });
  const revocation: Revocation = new Revocation({
    users: new SqliteUserStore(db),
    sessions: registry,
    http: headerLogin,
    logins,
    elevation,
    foreignChanges: database.foreignChanges,
    clock,
    logger,
  });
  const holders = { sessions: registry, http: headerLogin };
  const osRevocation = buildOsRevocation(options.foundation, holders);
  tokens.onUpdated((id, expiryTimeUs) => revocation.tokenUpdated(id, expiryTimeUs));
  tokens.onRemoved((id) => revocation.tokenRemoved(id));
  const requests = new RequestService({
    store: new SqliteRequestStore(db, commits),
    files: new ResultFiles(stateDir),
    notifier: registry,
    clock,
    logger,
    keepSeconds: config.requestTimeLimit,
  });
  return {
    registry,
    requests,
    logins,
    headerLogin,
    tokens,
    links,
    revocation,
    ...rights,
    localKey,
    start: async () => {
      await sandboxes.start();
      await requests.start();
      tokens.start();
      revocation.start();
      osRevocation?.start();
    },
    stop: async (stopping) => {
      revocation.stop();
      osRevocation?.stop();
      tokens.stop();
      await requests.stop(stopping);
    },
  };
};
