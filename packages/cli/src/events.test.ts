import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openUsers } from '@jetstream/server/offline';
import BetterSqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from './program.js';

let directory: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'jetstream-events-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Leaves entries in a log. */
const makeLog = async (): Promise<void> => {
  await using opened = await openUsers(directory);
  await opened.users.add('ann', 'ann-password');
  await opened.users.setLocked('ann', true);
  await opened.users.remove('ann');
};

const tamper = (statement: string): void => {
  const sqlite = new BetterSqlite(join(directory, 'jetstream.db'));
  sqlite.exec(`drop trigger events_no_update; drop trigger events_no_delete; ${statement}`);
  sqlite.close();
};

const verify = async (...flags: string[]): Promise<{ code: number; out: string; err: string }> => {
  const text = { out: '', err: '' };
  const args = ['events', 'verify', `--persistent-state-dir=${directory}`, ...flags];
  const code = await runCli(args, {
    environment: {},
    outIsTty: false,
    errIsTty: false,
    inIsTty: false,
    out: (written) => {
      text.out += String(written);
    },
    err: (written) => {
      text.err += written;
    },
    askSecret: () => Promise.reject(new Error('nobody is there')),
    readInput: () => Promise.resolve(''),
    interrupted: new AbortController().signal,
  });
  return { code, ...text };
};

describe('jetstream events verify', () => {
  it('prints how many entries there are, and the last one to note', async () => {
    await makeLog();
    const { code, out, err } = await verify();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^3 entries are in order, the last one is\n3:[0-9a-f]{64}\n$/);
    const noted = out.split('\n')[1] ?? '';
    expect((await verify('--noted', noted)).code).toBe(0);
    const json = JSON.parse((await verify('--json')).out) as object;
    expect(json).toMatchObject({ checked: 3, fault: null, head: { seq: 3 } });
    const [seq, hash] = noted.split(':');
    const other = `${seq}:${hash?.split('').reverse().join('')}`;
    expect(await verify('--noted', other)).toMatchObject({
      code: 1,
      err: expect.stringContaining('entry 3 is not the one that was noted') as string,
    });
  });

  it.each([
    ["update events set fields = '{}' where seq = 2", 'entry 2 has been changed'],
    ['delete from events where seq = 2', 'entry 2 is missing'],
    ['delete from events where seq = 3', 'entry 3 is missing'],
  ])('after %j names the entry', async (statement, reason) => {
    await makeLog();
    tamper(statement);
    const { code, err } = await verify();
    expect(code).toBe(1);
    expect(err).toContain(reason);
    expect(JSON.parse((await verify('--json')).out)).toMatchObject({ fault: { reason } });
  });

  it('refuses a directory without a log, and what was never printed', async () => {
    const none = await verify();
    expect(none.code).toBe(4);
    expect(none.err).toContain(directory);
    writeFileSync(join(directory, 'jetstream.db'), 'not a database, but long enough to look at');
    expect((await verify()).code).toBe(4);
    for (const noted of ['1', '0:ab', `1:${'g'.repeat(64)}`, `-1:${'0'.repeat(64)}`]) {
      expect((await verify(`--noted=${noted}`)).code).toBe(2);
    }
  });
});
