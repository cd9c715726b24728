/**
 * A million finished transfers, on the sending and on the receiving side: time to start, pages of the
 * lists, and a collection that removes a tenth of them, with `echo` of another caller meanwhile.
 *
 * Usage: bench/finished-transfers [--transfers 1000000] [--queries 20] [--data-dir /tmp] [--dry]
 *
 * Writes one section into RESULTS.md, unless `--dry`. Needs about 3 kB of disk for each transfer.
 * Times are of whole calls: request, search, answer, and its parsing by the client. The time to start
 * is that of the whole process, Node.js included.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Api } from '@jetstream/client';
import { connectTo } from '../../scripts/dist/server-client.js';
import { startServer } from '../../scripts/dist/server-process.js';
import { peakResidentBytes } from './process-meter.js';
import { recordSection, type Verdict } from './results-file.js';
import { makeDestination, makeManifest, openPair, type TransferPair } from './server-transfers.js';
import { format, median, table } from './statistics.js';
import { filledId, fillTransfers } from './transfer-filler.js';
import { countOf, note, openWorkplace, runMain } from './workplace.js';

const START_MS_MAX = 2000;
const PAGE_MS_MAX = 50;
const PAGE = 100;

const { values } = parseArgs({
  options: {
    transfers: { type: 'string', default: '1000000' },
    queries: { type: 'string', default: '20' },
    'data-dir': { type: 'string', default: tmpdir() },
    dry: { type: 'boolean', default: false },
  },
});

interface Row {
  readonly what: string;
  readonly medianMs: number;
  readonly maxMs: number;
  /** Whether it is a page, which a target exists for. */
  readonly isPage: boolean;
}

interface Query {
  readonly what: string;
  readonly isPage?: boolean;
  readonly run: (round: number) => Promise<unknown>;
}

async function measure({ what, isPage = true, run }: Query, rounds: number): Promise<Row> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    await run(round);
    times.push(performance.now() - startMs);
  }
  const row = { what, medianMs: median(times), maxMs: Math.max(...times), isPage };
  note(`${what}: ${format(row.medianMs, 1)} ms, at most ${format(row.maxMs, 1)}`);
  return row;
}

/** Pages of 100, by whoever asks; `count` transfers are there. */
function queriesOf(api: Api, level: string, count: number): Query[] {
  const { send, recv } = api;
  const at = (round: number): string => filledId(Math.floor((count * (round + 0.5)) / 20));
  return [
    { what: `send.getTransfers, oldest, ${level}`, run: () => send.getTransfers({ limit: PAGE }) },
    {
      what: `send.getTransfers, newest, ${level}`,
      run: () => send.getTransfers({ limit: PAGE, order: 'newest' }),
    },
    {
      what: `send.getTransfers, after an id, ${level}`,
      run: (round) => send.getTransfers({ limit: PAGE, after: at(round) }),
    },
    {
      what: `send.getTransfers, by offset from the middle, ${level}`,
      isPage: false,
      run: () => send.getTransfers({ limit: PAGE, offset: count / 2 }),
    },
    {
      what: `recv.getTransfers, newest, ${level}`,
      run: () => recv.getTransfers({ limit: PAGE, order: 'newest' }),
    },
  ];
}

/** Start of a server and its stop, so that the next one finds all in order. */
async function startTimes(directory: string, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    const server = await startServer({ name: 'sender', directory, readyTimeoutMs: 120_000 });
    times.push(performance.now() - startMs);
    await server.stop();
  }
  return times;
}

/** Runs a collection; its time, its counts, and the longest `echo` meanwhile. */
async function collect(api: Api, other: Api) {
  let isDone = false;
  let longestMs = 0;
  const startMs = performance.now();
  const collecting = api.server.garbageCollect().finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const askedMs = performance.now();
    await other.server.echo({ text: 'still there' });
    longestMs = Math.max(longestMs, performance.now() - askedMs);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { counts: await collecting, seconds: (performance.now() - startMs) / 1000, longestMs };
}

/** Two servers that have made one transfer, and then `count` more by copying its rows. */
async function fillServers(directory: string, count: number): Promise<TransferPair> {
  const pair = await openPair(directory);
  const files = { directory: join(directory, 'source'), count: 1, bytes: 1000 };
  const manifest = await makeManifest(pair.api, files);
  const destination = await makeDestination(pair, 1e6);
  const options = { destinationPath: pair.target };
  const transfer = await pair.api.send.createTransfer(manifest, destination, options);
  await pair.api.send.waitForTransfer(transfer, { timeoutSeconds: 60 });
  await pair.close();
  for (const [server, name] of [
    [pair.sender, 'transfers'],
    [pair.receiver, 'receivedTransfers'],
  ] as const) {
    fillTransfers({
      ...{ stateDir: server.stateDir, table: name, count, oldCount: Math.floor(count / 10) },
      progress: (done) => {
        if (done % 250_000 === 0) note(`${name}: ${done} are there`);
      },
    });
  }
  return pair;
}

const verdictsOf = (count: number, startMs: number, rows: readonly Row[]): Verdict[] => {
  const slowest = Math.max(...rows.filter(({ isPage }) => isPage).map(({ medianMs }) => medianMs));
  return [
    {
      what: `start of a server with ${count} finished transfers`,
      target: `< ${START_MS_MAX} ms`,
      measured: `${format(startMs)} ms`,
      met: startMs < START_MS_MAX,
    },
    {
      what: `page of ${PAGE} of ${count} transfers, slowest median`,
      target: `< ${PAGE_MS_MAX} ms`,
      measured: `${format(slowest, 1)} ms`,
      met: slowest < PAGE_MS_MAX,
    },
  ];
};

await runMain(async () => {
  const count = countOf('transfers', values.transfers);
  const rounds = countOf('queries', values.queries);
  const directory = await openWorkplace(values['data-dir']);
  const pair = await fillServers(directory, count);
  const starts = await startTimes(pair.sender.directory, 3);
  note(`start: ${starts.map((ms) => format(ms)).join(', ')} ms`);
  const again = await openPair(directory, 120_000);
  const user = await connectTo(again.sender);
  const rows: Row[] = [];
  for (const query of [
    ...queriesOf(again.api, 'superuser', count),
    ...queriesOf(user, 'user', count),
    {
      what: 'recv.getTransfers, newest, of the receiver',
      run: () => again.receiverApi.recv.getTransfers({ limit: PAGE, order: 'newest' }),
    },
    {
      what: 'recv.getSources of the receiver, which counts all',
      isPage: false,
      run: () => again.receiverApi.recv.getSources(),
    },
  ]) {
    rows.push(await measure(query, rounds));
  }
  const collected = await collect(again.api, user);
  const peak = peakResidentBytes(again.sender.ready.pid);
  const removed = JSON.stringify(collected.counts);
  note(`collection: ${removed} in ${format(collected.seconds, 1)} s`);
  await user.close();
  await again.close();
  const verdicts = verdictsOf(count, median(starts), rows);
  const queries = table<Row>(
    [
      ['call', ({ what }) => what],
      ['median, ms', ({ medianMs }) => format(medianMs, 1)],
      ['longest, ms', ({ maxMs }) => format(maxMs, 1)],
    ],
    rows,
  );
  const rest =
    `A collection removed ${removed} in ${format(collected.seconds, 1)} s; the longest \`echo\` of ` +
    `another caller meanwhile took ${format(collected.longestMs, 1)} ms; server peak RSS ` +
    `${format(peak / 1e6)} MB.`;
  process.stdout.write(`${queries}\n\n${rest}\n`);
  if (values.dry) return;
  recordSection({
    id: `8 finished ${count}`,
    title: `${count} finished transfers`,
    settings: `\`bench/finished-transfers --transfers ${count} --queries ${rounds}\`; one owner, a tenth of them collectable, state in ${values['data-dir']}.`,
    verdicts,
    body: `${queries}\n\n${rest}`,
  });
});
