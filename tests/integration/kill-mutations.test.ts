/**
 * A server is killed (SIGKILL) again and again while clients change everything that can be changed.
 * After each restart, every mutation that it had acknowledged is there.
 *
 * `JETSTREAM_KILLS` sets the number of kills (5 by default, 100 for the long run), `JETSTREAM_SEED`
 * the seed that a failure prints.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { type Api, CommandError, JetStream } from '@jetstream/client';
import { expect, it } from 'vitest';
import { localKeyFile } from '../../scripts/server-client.js';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { mutationSubjects, type Subject, type Worker } from './mutations.js';
import { openLab } from './servers.js';

const KILLS = Number(process.env.JETSTREAM_KILLS || 5);
const SEED = Number(process.env.JETSTREAM_SEED || Math.floor(Math.random() * 2 ** 31));
const WORKERS = 6;
/** Acknowledged mutations in a life of the server: at least, and how many more at most. */
const ACKNOWLEDGED_LEAST = 20;
const ACKNOWLEDGED_SPREAD = 150;

/** Small reproducible random numbers (mulberry32). */
const randomOf = (seed: number): ((limit: number) => number) => {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
};

/** A session with all rights that ends with its connection. */
const connect = async (server: ServerProcess): Promise<Api> => {
  const jetstream = new JetStream({ localKeyFile: localKeyFile(server), reconnect: false });
  const api = jetstream.api(LOOPBACK, server.ready.apiPort);
  await api.connect();
  await api.server.superuser();
  return api;
};

const isBroken = (error: unknown): boolean =>
  error instanceof CommandError && error.code === 'connection_lost';

interface Life {
  readonly server: ServerProcess;
  readonly subjects: readonly Subject[];
  readonly pick: (limit: number) => number;
  readonly unique: () => string;
}

/** Lets all clients work until the server has acknowledged enough, and kills it in the middle. */
const liveAndDie = async ({ server, subjects, pick, unique }: Life): Promise<void> => {
  const wanted = ACKNOWLEDGED_LEAST + pick(ACKNOWLEDGED_SPREAD);
  let acknowledged = 0;
  let killed: Promise<void> | null = null;
  const work = async (api: Api, index: number): Promise<void> => {
    const worker: Worker = { index, api, unique, pick };
    for (;;) {
      const subject = subjects[pick(subjects.length)];
      try {
        await subject?.mutate(worker);
      } catch (error) {
        if (killed !== null && isBroken(error)) return;
        throw new Error(`A mutation of a ${subject?.kind} failed`, { cause: error });
      }
      acknowledged += 1;
      if (acknowledged >= wanted) killed ??= server.kill();
    }
  };
  const clients = await Promise.all(Array.from({ length: WORKERS }, () => connect(server)));
  await Promise.all(clients.map(work));
  await Promise.all(clients.map((api) => api.close()));
  await server.kill();
};

it(`loses nothing that was acknowledged, killed ${KILLS} times (seed ${SEED})`, {
  timeout: 60_000 + KILLS * 20_000,
}, async () => {
  await using lab = openLab();
  const [file, directory] = [lab.path('file'), lab.path('made')];
  writeFileSync(file, 'content');
  mkdirSync(directory);
  const subjects = mutationSubjects({ workers: WORKERS, file, directory });
  const pick = randomOf(SEED);
  let made = 0;
  const unique = (): string => {
    made += 1;
    return `unique-${made}`;
  };
  let server = await lab.start('paris');

  for (let kills = 0; kills < KILLS; kills += 1) {
    await liveAndDie({ server, subjects, pick, unique });
    server = await lab.restart(server);
    await using api = await connect(server);
    const findings: string[] = [];
    for (const { kind, ledger, read } of subjects) {
      findings.push(...ledger.audit(kind, await read(api)));
    }
    expect(findings, `after kill ${kills + 1}`).toEqual([]);
  }

  const rows = subjects.map(({ kind, ledger }) => ({ kind, ...ledger.counts }));
  if (process.env.JETSTREAM_KILLS) console.table(rows);
  for (const { kind, acknowledged } of rows) expect(acknowledged, kind).toBeGreaterThan(0);
});
