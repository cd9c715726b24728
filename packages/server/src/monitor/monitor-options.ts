/**
 * The few options that the root monitor itself needs, read from the command line of the server. The
 * server, which gets the same command line, checks all of it; here only what is used is looked at,
 * so that the process that stays root holds no more code than it must.
 */
import { resolve } from 'node:path';
import { ConfigError } from '../config/config-error.js';
import { DEFAULT_TRIGGER_DIR } from '../triggers/trigger-limits.js';

export interface MonitorOptions {
  /** Account that the server proper runs as. */
  readonly serverAccount: string;
  /** Account that works on files for built-in users without one of the machine; null for none. */
  readonly filesAccount: string | null;
  readonly stateDir: string;
  /** Name of the PAM profile. */
  readonly pamService: string;
  /** Accounts below this user id are never acted for. */
  readonly osUserMinUid: number;
  readonly allowRootLogin: boolean;
  readonly agentsMax: number;
  readonly agentIdleSeconds: number;
  /** Absolute directory of the triggers. */
  readonly triggerDir: string;
}

/** Account that a server runs as when nothing else is said. */
export const DEFAULT_SERVER_ACCOUNT = 'jetstream';

/** Account for files when nothing else is said; there need not be one. */
export const DEFAULT_FILES_ACCOUNT = 'jetstream-files';

const DEFAULTS = {
  'server-account': DEFAULT_SERVER_ACCOUNT,
  'files-account': DEFAULT_FILES_ACCOUNT,
  'persistent-state-dir': '/var/lib/jetstream/state',
  'pam-service': 'jetstream',
  'os-user-min-uid': '1000',
  'allow-root-login': 'false',
  'agents-max': '64',
  'agent-idle-seconds': '60',
  'trigger-dir': DEFAULT_TRIGGER_DIR,
} as const;

type Flag = keyof typeof DEFAULTS;

const SERVICE = /^[A-Za-z0-9_-]{1,32}$/;

/** The last value of a flag, as `--flag value`, `--flag=value` or a bare `--flag`. */
const lastValue = (args: readonly string[], flag: Flag): string => {
  let value: string = DEFAULTS[flag];
  for (const [at, arg] of args.entries()) {
    if (arg.startsWith(`--${flag}=`)) value = arg.slice(flag.length + 3);
    if (arg !== `--${flag}`) continue;
    const next = args[at + 1];
    value = next === undefined || next.startsWith('--') ? 'true' : next;
  }
  return value;
};

const integer = (args: readonly string[], flag: Flag, range: readonly [number, number]): number => {
  const text = lastValue(args, flag);
  const [least, most] = range;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw new ConfigError(flag, JSON.stringify(text), `${least} to ${most}`);
};

/**
 * Reads the monitor's options.
 *
 * @throws {ConfigError} For a value that cannot be used.
 */
export const readMonitorOptions = (args: readonly string[]): MonitorOptions => {
  const pamService = lastValue(args, 'pam-service');
  if (!SERVICE.test(pamService)) {
    throw new ConfigError('pam-service', JSON.stringify(pamService), 'the name of a PAM profile');
  }
  const stateDir = lastValue(args, 'persistent-state-dir');
  if (!stateDir.startsWith('/')) {
    const wanted = 'an absolute path when the server is started as root';
    throw new ConfigError('persistent-state-dir', JSON.stringify(stateDir), wanted);
  }
  return {
    serverAccount: lastValue(args, 'server-account'),
    filesAccount: lastValue(args, 'files-account') || null,
    stateDir: stateDir.replace(/(.)\/+$/, '$1'),
    pamService,
    osUserMinUid: integer(args, 'os-user-min-uid', [1, 4_294_967_294]),
    allowRootLogin: lastValue(args, 'allow-root-login') === 'true',
    agentsMax: integer(args, 'agents-max', [1, 1000]),
    agentIdleSeconds: integer(args, 'agent-idle-seconds', [1, 86_400]),
    triggerDir: resolve(lastValue(args, 'trigger-dir')),
  };
};
