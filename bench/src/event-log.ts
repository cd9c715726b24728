/**
 * The event log with ten million entries: queries by name and time through the API, the whole log in
 * one answer, and `jetstream events verify`.
 *
 * Usage: bench/event-log [--events 10000000] [--queries 50] [--data-dir /tmp] [--dry]
 *
 * Writes one section into RESULTS.md, unless `--dry`. Needs about 700 bytes of disk for each event.
 * Times are of whole calls: request, search, answer, and its parsing by the client.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { Api } from '@jetstream/client';
import { connectTo, localKeyFile } from '../../scripts/dist/server-client.js';
import {
  cliPath,
  LOOPBACK,
  type ServerProcess,
  startServer,
} from '../../scripts/dist/server-process.js';
import { type Filled, fillEvents } from './event-filler.js';
import { peakResidentBytes } from './process-meter.js';
import { recordSection, type Verdict } from './results-file.js';
import { format, median, table } from './statistics.js';
import { countOf, note, openWorkplace, runMain } from './workplace.js';

const QUERY_MS_MAX = 200;
const OWNERS_TEXT = '1,000 users over about eleven days';
const RESIDENT_BYTES_MAX = 500e6;
const SECOND_US = 1_000_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    queries: { type: 'string', default: '50' },
    'data-dir': { type: 'string', default: tmpdir() },
    dry: { type: 'boolean', default: false },
  },
});

interface Filter {
  readonly eventName?: string;
  readonly after?: number;
  readonly before?: number;
  readonly limit?: number;
}

interface Row {
  readonly what: string;
  readonly entries: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

interface Query {
  readonly what: string;
  readonly api: Api;
  readonly filter: (place: number) => Filter;
}

async function measure({ what, api, filter }: Query, rounds: number): Promise<Row> {
  const times: number[] = [];
  let entries = 0;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    // Each time another place in the log, so that nothing is answered from a cache of its own.
    const { eventLog } = await api.server.getEventLog(filter((round + 0.5) / rounds));
    times.push(performance.now() - startMs);
    entries = Math.max(entries, eventLog.length);
  }
  const row = { what, entries, medianMs: median(times), maxMs: Math.max(...times) };
  note(
    `${what}: ${entries} entries, ${format(row.medianMs, 1)} ms, at most ${format(row.maxMs, 1)}`,
  );
  return row;
}

function queriesOf(boss: Api, user: Api, { firstUs, lastUs }: Filled): Query[] {
  const at = (place: number): number => Math.floor(firstUs + (lastUs - firstUs) * place * 0.99);
  const window = (place: number, seconds: number): Filter => ({
    after: at(place),
    before: at(place) + seconds * SECOND_US,
  });
  return [
    {
      what: 'a common name within ten minutes',
      api: boss,
      filter: (place) => ({ eventName: 'loginSucceeded', ...window(place, 600) }),
    },
    {
      what: 'a rare name within a day',
      api: boss,
      filter: (place) => ({ eventName: 'sandboxMappingSet', ...window(place, 86_400) }),
    },
    {
      what: 'a rare name in the whole log',
      api: boss,
      filter: () => ({ eventName: 'serverStarted' }),
    },
    {
      what: 'a name that never comes',
      api: boss,
      filter: () => ({ eventName: 'userRemoved' }),
    },
    {
      what: 'a common name after a time, the first 1,000',
      api: boss,
      filter: (place) => ({ eventName: 'transferUpdated', after: at(place), limit: 1000 }),
    },
    { what: 'all names within five minutes', api: boss, filter: (place) => window(place, 300) },
    {
      what: 'own events by name within a day, as a user',
      api: user,
      filter: (place) => ({ eventName: 'loginSucceeded', ...window(place, 86_400) }),
    },
    {
      what: 'own events by a rare name, as a user',
      api: user,
      filter: () => ({ eventName: 'sandboxMappingSet' }),
    },
  ];
}

/** Reads the whole log in one answer; how many bytes it had. */
function readAll(server: ServerProcess): Promise<number> {
  const { key } = JSON.parse(readFileSync(localKeyFile(server), 'utf8')) as { key: string };
  const headers = {
    authorization: `Bearer ${key}`,
    'x-jetstream-level': 'superuser',
    'content-type': 'application/json',
  };
  const options = { method: 'POST', path: '/api/getEventLog', headers, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const sent = request({ host: LOOPBACK, port: server.ready.apiPort, ...options }, (answer) => {
      let bytes = 0;
      answer.on('data', (part: Buffer) => {
        bytes += part.length;
      });
      answer.on('end', () => resolve(bytes));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end('{}');
  });
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const startMs = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startMs) / 1000 };
}

async function verifyLog(stateDir: string, events: number): Promise<number> {
  const flags = ['events', 'verify', '--json', `--persistent-state-dir=${stateDir}`];
  const run = () => promisify(execFile)(process.execPath, [cliPath(), ...flags]);
  const { result, seconds } = await timed(run);
  const { checked, fault } = JSON.parse(result.stdout) as { checked: number; fault: unknown };
  if (fault !== null || checked < events) throw new Error(`the log is broken: ${result.stdout}`);
  return seconds;
}

await runMain(async () => {
  const events = countOf('events', values.events);
  const rounds = countOf('queries', values.queries);
  const directory = await openWorkplace(values['data-dir']);
  const options = { name: 'events', directory: join(directory, 'server') };
  const first = await startServer(options);
  await first.stop();
  const filled = fillEvents({
    stateDir: first.stateDir,
    count: events,
    owner: userInfo().username,
    progress: (done) => {
      if (done % 1_000_000 === 0) note(`${done} events are there`);
    },
  });
  note('the indexes are there');
  const server = await startServer({ ...options, readyTimeoutMs: 60_000 });
  const [boss, user] = [await connectTo(server), await connectTo(server)];
  await boss.server.superuser();
  const rows: Row[] = [];
  for (const query of queriesOf(boss, user, filled)) rows.push(await measure(query, rounds));
  const whole = await timed(() => readAll(server));
  const peak = peakResidentBytes(server.ready.pid);
  note(`the whole log: ${format(whole.result / 1e9, 2)} GB in ${format(whole.seconds)} s`);
  const verifySeconds = await verifyLog(server.stateDir, events);
  note(`verify, while the server runs: ${format(verifySeconds)} s`);
  await Promise.all([boss.close(), user.close()]);
  await server.stop();
  const slowest = Math.max(...rows.map(({ maxMs }) => maxMs));
  const verdicts: Verdict[] = [
    {
      what: `getEventLog by name and time, ${events} entries, slowest of all`,
      target: `< ${QUERY_MS_MAX} ms`,
      measured: `${format(slowest, 1)} ms`,
      met: slowest < QUERY_MS_MAX,
    },
    {
      what: 'getEventLog of the whole log: resident memory of the server',
      target: `< ${RESIDENT_BYTES_MAX / 1e6} MB`,
      measured: `${format(peak / 1e6)} MB`,
      met: peak < RESIDENT_BYTES_MAX,
    },
  ];
  const queries = table<Row>(
    [
      ['query', ({ what }) => what],
      ['entries, most', ({ entries }) => format(entries)],
      ['median, ms', ({ medianMs }) => format(medianMs, 1)],
      ['longest, ms', ({ maxMs }) => format(maxMs, 1)],
    ],
    rows,
  );
  const rest =
    `The whole log in one answer over HTTP: ${format(whole.result / 1e9, 2)} GB in ` +
    `${format(whole.seconds)} s; server peak RSS ${format(peak / 1e6)} MB.\n` +
    `\`jetstream events verify\` while the server runs: ${format(verifySeconds)} s.`;
  process.stdout.write(`${queries}\n\n${rest}\n`);
  if (values.dry) return;
  recordSection({
    id: `7 events ${events}`,
    title: `Event log with ${events} entries`,
    settings: `\`bench/event-log --events ${events} --queries ${rounds}\`; entries of ${OWNERS_TEXT}, state in ${values['data-dir']}.`,
    verdicts,
    body: `${queries}\n\n${rest}`,
  });
});
