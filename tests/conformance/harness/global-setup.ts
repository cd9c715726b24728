/**
 * Starts the server under test, and a second one, once for the whole suite; or takes what
 * `JETSTREAM_TARGET` names, a JSON file with a {@link Target}.
 */
import { readFileSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { startServer } from '../../../scripts/server-process.js';
import { startTarget } from './start-target.js';
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
let stop: () => Promise<void> = async () => {};

async function startBoth(): Promise<Target> {
  const running = await startTarget({
    ...{ superuser: BOSS, user: USER, other: OTHER, wrangler: WRANGLER },
    builtIn: new Map([BOSS, USER, OTHER, WRANGLER].map((each) => [each, []])),
    fileOwners: null,
    superuserId: String(process.getuid?.() ?? 0),
    start: (name, directory) =>
      startServer({ name, directory, flags: [`--superuser=${BOSS.userName}`] }),
    open: () => undefined,
  });
  ({ stop } = running);
  return running.target;
}

/** Called by vitest before the first test. */
export async function setup(project: TestProject): Promise<void> {
  const given = process.env.JETSTREAM_TARGET;
  const target =
    given === undefined || given === ''
      ? await startBoth()
      : (JSON.parse(readFileSync(given, 'utf8')) as Target);
  project.provide('target', target);
}

/** Called by vitest after the last test. */
export async function teardown(): Promise<void> {
  await stop();
}
