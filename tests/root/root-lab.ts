/** Servers that are started as root, and the accounts that `tests/root/run` has made. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Api } from '@jetstream/client';
import {
  type ServerProcess,
  type ServerProcessOptions,
  startServer,
} from '../../scripts/server-process.js';
import { type Lab, openLab, runCli } from '../integration/servers.js';

export const ALICE = 'jstroot-a';
export const BOB = 'jstroot-b';
export const CAROL = 'jstroot-c';
export const LOCKED = 'jstroot-locked';
export const EXPIRED = 'jstroot-expired';
export const SERVER_ACCOUNT = 'jstroot-server';
/** Account that built-in users without one of the machine work as. */
export const FILES_ACCOUNT = 'jstroot-files';
export const GROUP = 'jstroot-group';
/** Seconds that the agents of these servers live without work. */
export const AGENT_IDLE_SECONDS = 2;

const CAPABILITIES = [
  ...['setuid', 'setgid', 'kill', 'dac_read_search', 'chown', 'fowner', 'audit_write'],
];

export const password = process.env['JSTROOT_PASSWORD'] ?? '';

const idOf = (option: '-g' | '-u', name: string): number =>
  Number(execFileSync('id', [option, name], { encoding: 'utf8' }));

export const uidOf = (name: string): number => idOf('-u', name);
export const gidOf = (name: string): number => idOf('-g', name);

/** Id of a group. */
export const groupIdOf = (name: string): number =>
  Number(execFileSync('getent', ['group', name], { encoding: 'utf8' }).split(':')[2]);

/** A lab whose directory every account can pass through. */
export const openRootLab = (): Lab => {
  const lab = openLab();
  chmodSync(dirname(lab.path('any')), 0o755);
  return lab;
};

/** How a server is started that root is to start, with its own name and directory. */
const asRoot = (flags: readonly string[]): Omit<ServerProcessOptions, 'directory' | 'name'> => ({
  // With no more capabilities than packaging/jetstream.service leaves.
  launcher: ['setpriv', `--bounding-set=-all,${CAPABILITIES.map((each) => `+${each}`).join(',')}`],
  environment: { JETSTREAM_SINGLE_PROCESS: '0' },
  flags: [
    `--server-account=${SERVER_ACCOUNT}`,
    `--files-account=${FILES_ACCOUNT}`,
    '--pam-service=jstroot',
    `--agent-idle-seconds=${AGENT_IDLE_SECONDS}`,
    ...flags,
  ],
});

/** Starts a server as root in a directory that every account can pass through. */
export const startServerAsRoot = ({
  name,
  directory,
  flags = [],
}: ServerProcessOptions): Promise<ServerProcess> =>
  startServer({ ...asRoot(flags), name, directory });

/** Starts a server of a lab as root. */
export const startAsRoot = (
  lab: Lab,
  name: string,
  flags: readonly string[] = [],
): Promise<ServerProcess> => {
  // The server's account has to reach its state directory.
  mkdirSync(lab.path(name), { mode: 0o755 });
  return lab.start(name, asRoot(flags));
};

/** A client logged in as an account. */
export const loginAs = async (lab: Lab, server: ServerProcess, user: string): Promise<Api> => {
  const api = lab.client(server);
  await api.connect();
  await api.server.auth(user, password);
  return api;
};

/** A client logged in as a built-in user that is made for it. */
export const loginAsBuiltIn = async (
  lab: Lab,
  server: ServerProcess,
  name: string,
): Promise<Api> => {
  const secret = `password of ${name}`;
  const place = `--persistent-state-dir=${server.stateDir}`;
  const added = await runCli(['users', 'add', name, place], {
    JETSTREAM_NEW_PASSWORD: secret,
  });
  if (added.exitCode !== 0) throw new Error(`Cannot add user "${name}": ${added.stderr}`);
  const api = lab.client(server);
  await api.connect();
  await api.server.auth(name, secret);
  return api;
};

/** Gives a tree to an account. */
export const giveTo = (path: string, user: string): void => {
  execFileSync('chown', ['-R', `${uidOf(user)}:${gidOf(user)}`, path]);
};

/** A directory of an account that nobody else may enter. */
export const privateDirectory = (lab: Lab, user: string, name: string): string => {
  const path = lab.path(name);
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, uidOf(user), gidOf(user));
  return path;
};

/** Facts about a process from /proc. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** Line of /proc/PID/status by its name, such as `Uid`. */
  readonly status: ReadonlyMap<string, string>;
}

const factsOf = (pid: number): ProcessFacts | null => {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
    const status = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
      }),
    );
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { pid, parent: Number(status.get('PPid')), command, status };
  } catch {
    return null;
  }
};

/** All processes that a process has started. */
export const childrenOf = (parent: number): ProcessFacts[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => factsOf(Number(name)) ?? [])
    .filter((facts) => facts.parent === parent);

/** The monitor of a server: the process that has started it. */
export const monitorOf = (server: ServerProcess): number =>
  Number(factsOf(server.ready.pid)?.parent ?? 0);

/** File agents of an account below a server's monitor. */
export const agentsOf = (server: ServerProcess, user: string): ProcessFacts[] =>
  childrenOf(monitorOf(server)).filter(
    ({ command }) => command.includes('file-agent') && command.includes(` ${user} `),
  );

/** Facts of one process; null when it has ended. */
export const processOf = factsOf;

/** Waits until something holds. */
export const until = async (
  what: string,
  holds: () => boolean,
  timeoutMs = 20_000,
): Promise<void> => {
  const end = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
