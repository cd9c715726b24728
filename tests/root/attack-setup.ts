/**
 * Servers that root has started, for the attacks: two accounts of the machine that log in by PAM, and
 * built-in users for the rest, of whom the superuser works as a third account.
 */
import { chmodSync } from 'node:fs';
import type { TestProject } from 'vitest/node';
import { startTarget } from '../conformance/harness/start-target.js';
import type { Account } from '../conformance/harness/target.js';
import { ALICE, BOB, CAROL, password, startServerAsRoot, uidOf } from './root-lab.js';

const USER: Account = { userName: ALICE, password };
const OTHER: Account = { userName: BOB, password };
const BOSS: Account = { userName: 'boss', password: 'password of the boss' };
const WRANGLER: Account = { userName: 'daemon', password: 'password of daemon' };

let stop: () => Promise<void> = async () => {};

/** Called by vitest before the first test. */
export async function setup(project: TestProject): Promise<void> {
  const running = await startTarget({
    ...{ superuser: BOSS, user: USER, other: OTHER, wrangler: WRANGLER },
    builtIn: new Map<Account, readonly string[]>([
      [BOSS, [`--os-user=${CAROL}`]],
      [WRANGLER, []],
    ]),
    fileOwners: { user: uidOf(ALICE), other: uidOf(BOB) },
    superuserId: null,
    start: (name, directory) =>
      startServerAsRoot({ name, directory, flags: [`--superuser=${BOSS.userName}`] }),
    // The sticky bit is that of every place for several accounts.
    open: (directory) => chmodSync(directory, directory.endsWith('/files') ? 0o1777 : 0o755),
  });
  ({ stop } = running);
  project.provide('target', running.target);
}

/** Called by vitest after the last test; fails when secrets lie in logs or databases. */
export async function teardown(): Promise<void> {
  await stop();
}
