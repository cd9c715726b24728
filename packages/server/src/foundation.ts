/**
 * What everything else stands on: options, state directory, database, identity. Opened first and
 * closed last.
 */
import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Clock } from './adapters/clock/clock.js';
import { type Database, type OpenDatabase, openDatabase } from './adapters/database/database.js';
import { GroupCommit } from './adapters/database/group-commit.js';
import { settingOf } from './adapters/database/settings.js';
import { type Logger, openLogger } from './adapters/log/logger.js';
import { connectMonitor, type MonitorClient } from './adapters/monitor/monitor-client.js';
import { type OsAccounts, openOsAccounts } from './adapters/os-accounts/os-accounts.js';
import { defaultStateDir, lockStateDir, prepareStateDir } from './adapters/state-dir/state-dir.js';
import { openBrowserCertificate, type TlsPair } from './adapters/tls/browser-certificate.js';
import { type Identity, openIdentity } from './adapters/tls/identity.js';
import { ConfigError } from './config/config-error.js';
import { parseServerOptions } from './config/parse-server-options.js';
import type { OptionName, ServerConfig, ServerOptionsInput } from './config/server-options.js';

export interface Foundation {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stateDir: string;
  readonly db: Database;
  /** Writes that share a commit; see `GroupCommit`. */
  readonly commits: GroupCommit;
  readonly database: OpenDatabase;
  readonly identity: Identity;
  /** What the control API shows: the identity's own, or the certificate of the options. */
  readonly apiTls: TlsPair;
  /** The same for browsers, which cannot use the identity; null with a certificate of the options. */
  readonly browserTls: TlsPair | null;
  /** May read the metrics; null for superusers alone. */
  readonly metricsToken: string | null;
  readonly accounts: OsAccounts;
  /** The root monitor that has started this server; null where the server is all by itself. */
  readonly monitor: MonitorClient | null;
  readonly hostName: string;
  readonly serverName: string;
  /** Made at the first start, kept for good. */
  readonly serverUid: string;
  /** Made at each start. */
  readonly serverId: string;
  close(): Promise<void>;
}

const warnAboutRoot = (logger: Logger): void => {
  if (process.getuid?.() !== 0) return;
  logger.warn(
    {},
    'the server runs as root by itself: every user acts with the rights of root inside the sandbox (--sandbox-dir); leave --single-process away where users must be kept apart',
  );
};

const readPem = (option: OptionName, path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new ConfigError(option, `"${path}" (${reason})`, 'a PEM file that can be read');
  }
};

const METRICS_TOKEN = /^[\x21-\x7e]{16,512}$/;

/** The token that may read the metrics, null when there is none. */
const metricsTokenOf = ({ metricsTokenFile: path }: ServerConfig): string | null => {
  if (path === null) return null;
  const wanted = 'a file whose first line is a token of 16 to 512 visible ASCII characters';
  try {
    const [token = ''] = readFileSync(path, 'utf8').split('\n');
    if (METRICS_TOKEN.test(token.trim())) return token.trim();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new ConfigError('metricsTokenFile', `"${path}" (${reason})`, wanted);
  }
  throw new ConfigError('metricsTokenFile', `"${path}"`, wanted);
};

const apiTlsOf = (config: ServerConfig, identity: Identity): Foundation['apiTls'] => {
  const { apiTlsCert, apiTlsKey } = config;
  if (apiTlsCert === null || apiTlsKey === null) return identity;
  const certificatePem = readPem('apiTlsCert', apiTlsCert);
  const privateKeyPem = readPem('apiTlsKey', apiTlsKey);
  try {
    const certificate = new X509Certificate(certificatePem);
    if (certificate.checkPrivateKey(createPrivateKey(privateKeyPem))) {
      return { certificatePem, privateKeyPem };
    }
  } catch {
    // Told below, like a key of another certificate.
  }
  throw new ConfigError('apiTlsCert', `"${apiTlsCert}"`, 'a certificate of the key in apiTlsKey');
};

/**
 * Opens the foundation.
 *
 * @throws {ConfigError} If an option cannot be used.
 * @throws {Error} If the state directory cannot be used.
 */
export const openFoundation = async (
  input: ServerOptionsInput,
  clock: Clock,
): Promise<Foundation> => {
  const config = parseServerOptions(input);
  const monitor = connectMonitor();
  const logger = openLogger(config.logLevel);
  warnAboutRoot(logger);
  const stateDir = prepareStateDir(config.persistentStateDir ?? defaultStateDir());
  const lock = lockStateDir(stateDir);
  let database: OpenDatabase | null = null;
  try {
    database = await openDatabase(stateDir);
    const { db, close } = database;
    const serverUid = await settingOf(db, 'serverUid', randomUUID);
    const hostName = hostname();
    const nowMs = clock.nowUs() / 1000;
    const naming = { stateDir, hostName, serverUid, nowMs };
    const identity = openIdentity(naming);
    const commits = new GroupCommit(db);
    return {
      config,
      clock,
      logger,
      stateDir,
      db,
      commits,
      database,
      identity,
      apiTls: apiTlsOf(config, identity),
      browserTls: config.apiTlsCert === null ? openBrowserCertificate(naming) : null,
      metricsToken: metricsTokenOf(config),
      accounts: openOsAccounts({
        onFailure: (failure) => logger.error(failure, 'an account could not be looked up'),
      }),
      monitor,
      hostName,
      serverName: config.serverName ?? hostName,
      serverUid,
      serverId: randomUUID(),
      close: async () => {
        await commits.settled();
        await close();
        lock.release();
        monitor?.close();
      },
    };
  } catch (error) {
    await database?.close();
    lock.release();
    throw error;
  }
};
