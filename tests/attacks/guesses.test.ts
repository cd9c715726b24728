/** Guessing at logins: how many guesses a stranger gets, and what their answers tell. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { LOOPBACK } from '../../scripts/server-process.js';
import { connect, failure, type Session, target } from '../conformance/harness/sessions.js';
import { openLab, runCli } from '../integration/servers.js';

/** docs/LIMITS.md, "Logins": failures of one address that are free, and attempts of it at once. */
const FREE = 20;
const PARALLEL = 4;
const GUESSES = 300;

const codeOf = (error: unknown): string => (error as { code: string }).code;

describe('attack by guessing: many guesses at once', () => {
  it('get one address no more of them than one after the other', { timeout: 120_000 }, async () => {
    await using lab = openLab();
    const server = await lab.start('paris', { flags: ['--log-level=error'] });
    const place = { host: LOOPBACK, ...server.ready, superuser: target.superuser };
    const strangers: Session[] = [];
    for (let index = 0; index < 10; index += 1) strangers.push(await connect(place));
    try {
      const guesses = Array.from({ length: GUESSES }, (_, index) => {
        const account = { userName: `somebody-${index}`, password: 'a guess' };
        const stranger = strangers[index % strangers.length] as Session;
        return stranger.call('auth', account).catch(codeOf);
      });
      const codes = await Promise.all(guesses);
      expect(new Set(codes)).toEqual(new Set(['auth_failed', 'auth_locked']));
      const tried = codes.filter((code) => code === 'auth_failed').length;
      expect(tried).toBeGreaterThanOrEqual(FREE);
      expect(tried).toBeLessThan(FREE + PARALLEL);
    } finally {
      for (const { api } of strangers) await api.close();
    }
  });
});

const median = (figures: readonly number[]): number =>
  [...figures].sort((a, b) => a - b)[figures.length >> 1] as number;

describe('attack by timing: which accounts there are', () => {
  it('a wrong password takes the same time for a name that nobody has', {
    timeout: 120_000,
  }, async () => {
    await using lab = openLab();
    const server = await lab.start('paris', { flags: ['--log-level=error'] });
    const state = `--persistent-state-dir=${server.stateDir}`;
    // One guess at each, because a second one at the same account would have to wait.
    const known = ['ann', 'ben', 'cid', 'dan', 'eva', 'fay', 'gus'];
    for (const name of known) {
      const password = { JETSTREAM_NEW_PASSWORD: `the password of ${name}` };
      const added = await runCli(['users', 'add', name, state], password);
      expect(added.exitCode, added.stderr).toBe(0);
    }
    const place = { host: LOOPBACK, ...server.ready, superuser: target.superuser };
    const { api, call } = await connect(place);
    const timed = async (userName: string): Promise<number> => {
      const from = performance.now();
      const guess = call('auth', { userName, password: 'a guess' });
      await expect(guess).rejects.toMatchObject(failure('auth_failed'));
      return performance.now() - from;
    };
    try {
      await timed(`warm-${randomUUID()}`);
      const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
      for (const name of known) {
        times.known.push(await timed(name));
        times.unknown.push(await timed(`nobody-${randomUUID()}`));
      }
      // A skipped hash would answer within a millisecond, and a hash takes twenty.
      const [here, nowhere] = [median(times.known), median(times.unknown)];
      expect(
        Math.min(here, nowhere) / Math.max(here, nowhere),
        `${here} ${nowhere}`,
      ).toBeGreaterThan(0.4);
    } finally {
      await api.close();
    }
  });
});
