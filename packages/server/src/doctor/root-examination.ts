/** Looks at what only a server needs that root starts with its monitor. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadNativeProcesses } from '@jetstream/udp';
import { type OsAccounts, openOsAccounts } from '../adapters/os-accounts/os-accounts.js';
import { ConfigError } from '../config/config-error.js';
import type { ServerConfig } from '../config/server-options.js';
import { PasswordChecks } from '../monitor/password-checks.js';
import { findFilesAccount, type ServerAccount } from '../monitor/server-state.js';
import { wayFault } from '../monitor/trigger-runs.js';
import { DEFAULT_TRIGGER_DIR } from '../triggers/trigger-limits.js';
import {
  checkFilesAccount,
  checkPam,
  checkTriggerDir,
  type RootFacts,
  type RunsAs,
} from './account-checks.js';
import type { Finding } from './finding.js';

/** Where the system may keep profiles. */
const PROFILE_DIRS = ['/etc/pam.d', '/usr/lib/pam.d'];

/** How a server with these options would run when this user starts it. */
export const runsAs = async (config: ServerConfig, isSingle: boolean): Promise<RunsAs> => {
  if (process.getuid?.() !== 0) return { kind: 'ordinary user' };
  if (isSingle || config.singleProcess) return { kind: 'root alone' };
  const { serverAccount } = config;
  const accounts = openOsAccounts();
  const found = await accounts.findUser(serverAccount);
  const serverUid = found === null ? null : Number(found.id);
  const hasAddon = loadNativeProcesses() !== null;
  const server = { name: serverAccount, uid: serverUid ?? -1, gid: Number(found?.groupId ?? -1) };
  const files = await filesAccountOf(config, server, accounts);
  return { kind: 'monitor', facts: { serverAccount, serverUid, hasAddon, ...files } };
};

const filesAccountOf = async (
  { filesAccount: name }: ServerConfig,
  server: ServerAccount,
  accounts: OsAccounts,
): Promise<Pick<RootFacts, 'filesAccount' | 'filesAccountFault'>> => {
  try {
    const found = await findFilesAccount(name || null, server, accounts);
    return { filesAccount: found?.name ?? null, filesAccountFault: null };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { filesAccount: null, filesAccountFault: error.message };
  }
};

/** What the monitor depends on. */
export const examineForMonitor = async (
  config: ServerConfig,
  facts: RootFacts,
): Promise<readonly Finding[]> => {
  const { pamService: service } = config;
  // Whether the superuser may log in is nothing to us, but PAM has to say something.
  const question = { user: 'root', password: null, host: '' };
  const verdict = await new PasswordChecks(service).ask(question);
  const hasProfile = PROFILE_DIRS.some((directory) => existsSync(`${directory}/${service}`));
  const directory = resolve(config.triggerDir ?? DEFAULT_TRIGGER_DIR);
  return [
    checkFilesAccount(facts),
    checkPam({ service, hasProfile, answers: verdict !== 'unavailable' }),
    checkTriggerDir(directory, existsSync(directory) ? wayFault(directory) : null),
  ];
};
