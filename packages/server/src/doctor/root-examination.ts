/** Looks at what only a server needs that root starts with its monitor. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadNativeProcesses } from '@jetstream/udp';
import { openOsAccounts } from '../adapters/os-accounts/os-accounts.js';
import type { ServerConfig } from '../config/server-options.js';
import { PasswordChecks } from '../monitor/password-checks.js';
import { wayFault } from '../monitor/trigger-runs.js';
import { DEFAULT_TRIGGER_DIR } from '../triggers/trigger-limits.js';
import { checkPam, checkTriggerDir, type RunsAs } from './account-checks.js';
import type { Finding } from './finding.js';

/** Where the system may keep profiles. */
const PROFILE_DIRS = ['/etc/pam.d', '/usr/lib/pam.d'];

/** How a server with these options would run when this user starts it. */
export const runsAs = async (config: ServerConfig, isSingle: boolean): Promise<RunsAs> => {
  if (process.getuid?.() !== 0) return { kind: 'ordinary user' };
  if (isSingle || config.singleProcess) return { kind: 'root alone' };
  const { serverAccount } = config;
  const found = await openOsAccounts().findUser(serverAccount);
  const serverUid = found === null ? null : Number(found.id);
  const hasAddon = loadNativeProcesses() !== null;
  return { kind: 'monitor', facts: { serverAccount, serverUid, hasAddon } };
};

/** What the monitor depends on. */
export const examineForMonitor = async (config: ServerConfig): Promise<readonly Finding[]> => {
  const { pamService: service } = config;
  // Whether the superuser may log in is nothing to us, but PAM has to say something.
  const question = { user: 'root', password: null, host: '' };
  const verdict = await new PasswordChecks(service).ask(question);
  const hasProfile = PROFILE_DIRS.some((directory) => existsSync(`${directory}/${service}`));
  const directory = resolve(config.triggerDir ?? DEFAULT_TRIGGER_DIR);
  return [
    checkPam({ service, hasProfile, answers: verdict !== 'unavailable' }),
    checkTriggerDir(directory, existsSync(directory) ? wayFault(directory) : null),
  ];
};
