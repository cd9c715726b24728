/** Two servers with accounts, as the suites that talk to one target need them, and their end. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOOPBACK, type ServerProcess } from '../../../scripts/server-process.js';
import { openToOthers } from '../../integration/open-state.js';
import { runCli } from '../../integration/servers.js';
import { findSecrets } from './secrets.js';
import type { Account, Target } from './target.js';

/** What the servers are started for. */
export interface TargetPlan extends Pick<Target, 'superuser' | 'user' | 'other' | 'wrangler'> {
  /** Built-in users of the first server, each with further flags of `jetstream users add`. */
  readonly builtIn: ReadonlyMap<Account, readonly string[]>;
  /** User ids that files of `user` and `other` belong to; null where all are those of the server. */
  readonly fileOwners: Target['fileOwners'];
  readonly superuserId: string | null;
  /** Starts a server in a directory that is there. */
  start(name: string, directory: string): Promise<ServerProcess>;
  /** Opens a directory that was made for the servers' use, such as to other accounts. */
  open(directory: string): void;
}

export interface RunningTarget {
  readonly target: Target;
  /**
   * Stops the servers, then looks for secrets in all that they wrote.
   *
   * @throws {Error} If one was found.
   */
  stop(): Promise<void>;
}

const addUsers = async (
  server: ServerProcess,
  builtIn: ReadonlyMap<Account, readonly string[]>,
): Promise<void> => {
  const add = async ([{ userName, password }, flags]: [Account, readonly string[]]) => {
    const place = `--persistent-state-dir=${server.stateDir}`;
    const added = await runCli(['users', 'add', userName, place, ...flags], {
      JETSTREAM_NEW_PASSWORD: password,
    });
    if (added.exitCode !== 0) throw new Error(`Cannot add user "${userName}": ${added.stderr}`);
  };
  await Promise.all([...builtIn].map(add));
};

/** Starts them. */
export async function startTarget(plan: TargetPlan): Promise<RunningTarget> {
  const place = mkdtempSync(join(tmpdir(), 'jetstream-conformance-'));
  const servers: ServerProcess[] = [];
  const secretsFile = join(place, 'secrets');
  const written = ['paris', 'tokyo'].map((name) => join(place, name));
  const stop = async (find: () => string[]): Promise<void> => {
    const open = servers.flatMap(({ stateDir }) => openToOthers(stateDir));
    await Promise.allSettled(servers.map((server) => server.stop(15_000)));
    const found = find();
    rmSync(place, { recursive: true, force: true });
    if (found.length > 0) throw new Error(`Secrets lie in clear text: ${found.join('; ')}`);
    if (open.length > 0) throw new Error(`State is open to others: ${open.join('; ')}`);
  };
  const start = async (name: string, users: TargetPlan['builtIn']): Promise<ServerProcess> => {
    mkdirSync(join(place, name));
    plan.open(join(place, name));
    const server = await plan.start(name, join(place, name));
    servers.push(server);
    await addUsers(server, users);
    return server;
  };
  try {
    plan.open(place);
    const { superuser, user, other, wrangler, superuserId, fileOwners, builtIn } = plan;
    const [server, peer] = await Promise.all([
      start('paris', builtIn),
      start('tokyo', new Map([[superuser, builtIn.get(superuser) ?? []]])),
    ]);
    const directory = join(place, 'files');
    mkdirSync(directory);
    plan.open(directory);
    return {
      target: {
        ...{ host: LOOPBACK, ...server.ready },
        ...{ superuser, user, other, wrangler, superuserId, fileOwners },
        systemUser: 'bin',
        systemGroup: 'bin',
        directory,
        sharesDisk: true,
        startsServers: true,
        peer: { host: LOOPBACK, ...peer.ready, superuser },
        secretsFile,
      },
      stop: () => stop(() => findSecrets(secretsFile, written)),
    };
  } catch (error) {
    await stop(() => []);
    throw error;
  }
}
