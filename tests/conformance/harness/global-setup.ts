/**
 * Starts the server under test, and a second one, once for the whole suite; or takes what
 * `JETSTREAM_TARGET` names, a JSON file with a {@link Target}.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { LOOPBACK, type ServerProcess, startServer } from '../../../scripts/server-process.js';
import { runCli } from '../../integration/servers.js';
import { findSecrets } from './secrets.js';
import type { Account, Target } from './target.js';

const account = (userName: string): Account => ({
  userName,
  password: `password of ${userName}`,
});

const BOSS = account('boss');
const USER = account('ann');
const OTHER = account('bob');
/** Also the name of an account of every Linux, because rights of wranglers go by user id. */
const WRANGLER = account('daemon');

/** Stops the servers; after a run that went well it also looks for secrets that they gave away. */
let stop: (end: 'of the run' | 'of the attempt') => Promise<void> = async () => {};

async function addUsers(server: ServerProcess, accounts: readonly Account[]): Promise<void> {
  const add = async ({ userName, password }: Account): Promise<void> => {
    const added = await runCli(
      ['users', 'add', userName, `--persistent-state-dir=${server.stateDir}`],
      { JETSTREAM_NEW_PASSWORD: password },
    );
    if (added.exitCode !== 0) throw new Error(`Cannot add user "${userName}": ${added.stderr}`);
  };
  await Promise.all(accounts.map(add));
}

async function startTarget(): Promise<Target> {
  const place = mkdtempSync(join(tmpdir(), 'jetstream-conformance-'));
  const servers: ServerProcess[] = [];
  const secretsFile = join(place, 'secrets');
  const written = ['paris', 'tokyo'].map((name) => join(place, name));
  stop = async (end) => {
    await Promise.allSettled(servers.map((server) => server.stop(5000)));
    const found = end === 'of the run' ? findSecrets(secretsFile, written) : [];
    rmSync(place, { recursive: true, force: true });
    if (found.length > 0) throw new Error(`Secrets lie in clear text: ${found.join('; ')}`);
  };
  const start = async (name: string, accounts: readonly Account[]): Promise<ServerProcess> => {
    const flags = [`--superuser=${BOSS.userName}`];
    const server = await startServer({ name, directory: join(place, name), flags });
    servers.push(server);
    await addUsers(server, accounts);
    return server;
  };
  const [server, peer] = await Promise.all([
    start('paris', [BOSS, USER, OTHER, WRANGLER]),
    start('tokyo', [BOSS]),
  ]);
  const directory = join(place, 'files');
  mkdirSync(directory);
  return {
    host: LOOPBACK,
    ...server.ready,
    superuser: BOSS,
    user: USER,
    other: OTHER,
    wrangler: WRANGLER,
    superuserId: String(process.getuid?.() ?? 0),
    systemUser: 'bin',
    systemGroup: 'bin',
    directory,
    sharesDisk: true,
    startsServers: true,
    peer: { host: LOOPBACK, ...peer.ready, superuser: BOSS },
    secretsFile,
  };
}

/** Called by vitest before the first test. */
export async function setup(project: TestProject): Promise<void> {
  const given = process.env.JETSTREAM_TARGET;
  const target =
    given === undefined || given === ''
      ? await startTarget().catch(async (error: unknown) => {
          await stop('of the attempt');
          throw error;
        })
      : (JSON.parse(readFileSync(given, 'utf8')) as Target);
  project.provide('target', target);
}

/** Called by vitest after the last test. */
export async function teardown(): Promise<void> {
  await stop('of the run');
}
