/**
 * File operations on a million files: `ls` of one directory, `du` and `rm` of a tree, while another
 * caller measures how long its `echo` takes.
 *
 * Usage: bench/big-directory [--files 1000000] [--data-dir /dev/shm] [--dry]
 *
 * Writes one section into RESULTS.md, unless `--dry`. The other caller is a thread with a connection
 * of its own; its latencies include what the benchmark itself takes from the machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Api } from '@jetstream/client';
import { connectTo, localKeyFile } from '../../scripts/dist/server-client.js';
import { LOOPBACK, startServer } from '../../scripts/dist/server-process.js';
import { EchoWatch } from './echo-watch.js';
import { peakResidentBytes } from './process-meter.js';
import { recordSection, type Verdict } from './results-file.js';
import { format, table } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const FILES_PER_FOLDER = 1000;
const RESIDENT_BYTES_MAX = 500e6;
const ECHO_MS_MAX = 50;
const IDLE_MS = 3000;
const POLL_MS = 50;
const CANCELS = 20;
const CANCEL_AFTER_MS = 100;

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1000000' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    dry: { type: 'boolean', default: false },
  },
});

interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly echoes: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly peakBytes: number;
}

interface Bench {
  readonly api: Api;
  readonly watch: EchoWatch;
  readonly pid: number;
  readonly phases: Phase[];
}

function makeFlat(directory: string, files: number): void {
  mkdirSync(directory);
  for (let index = 0; index < files; index += 1)
    writeFileSync(join(directory, `file-${index}`), '');
}

function makeTree(directory: string, files: number): void {
  for (let index = 0; index < files; index += 1) {
    const folder = join(directory, `folder-${Math.floor(index / FILES_PER_FOLDER)}`);
    if (index % FILES_PER_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${index}`), 'x');
  }
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

async function measure<T>(bench: Bench, name: string, work: () => Promise<T>): Promise<T> {
  await bench.watch.take();
  const startMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - startMs) / 1000;
  const sorted = (await bench.watch.take()).sort((a, b) => a - b);
  const phase = {
    name,
    seconds,
    echoes: sorted.length,
    medianMs: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
    peakBytes: peakResidentBytes(bench.pid),
  };
  bench.phases.push(phase);
  note(
    `${name}: ${format(seconds, 1)} s, echo p99 ${format(phase.p99Ms, 1)} ms, ` +
      `peak ${format(phase.peakBytes / 1e6)} MB`,
  );
  return result;
}

async function ended(api: Api, requestId: number): Promise<void> {
  for (;;) {
    const { processing } = await api.server.getRequestStatus(requestId);
    if (!processing) return;
    await pause(POLL_MS);
  }
}

function expectEqual(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`${what}: ${actual}, expected ${expected}`);
}

async function runPhases(bench: Bench, directory: string, files: number): Promise<void> {
  const { api } = bench;
  const flat = join(directory, 'flat');
  const tree = join(directory, 'tree');
  await measure(bench, 'nothing else', () => pause(IDLE_MS));
  const { requestId } = await measure(bench, `ls of ${files} entries`, async () => {
    const request = await api.server.lsAsync(flat);
    await ended(api, request.requestId);
    return request;
  });
  await measure(bench, 'fetching that result', async () => {
    const listed = (await api.server.getRequestResult(requestId)) as { files: unknown[] };
    expectEqual('entries listed', listed.files.length, files);
  });
  await measure(bench, `du of ${files} files`, async () => {
    expectEqual('bytes added up', (await api.server.du(tree)).du, files);
  });
  await measure(bench, `cancelling ls, ${CANCELS} times`, async () => {
    for (let round = 0; round < CANCELS; round += 1) {
      const request = await api.server.lsAsync(flat);
      await pause(CANCEL_AFTER_MS);
      await api.server.cancelRequest(request.requestId);
    }
  });
  await measure(bench, 'mkFile, 2 GB at random', () =>
    api.server.mkFile(join(directory, 'random'), 2e9, { fillRandom: true }),
  );
  await measure(bench, 'ls with MD5 of it', () =>
    api.server.ls(join(directory, 'random'), { calculateHashType: 'MD5' }),
  );
  await measure(bench, `rm of ${files} files`, () => api.server.rm(tree));
}

function verdicts(phases: readonly Phase[]): Verdict[] {
  const peak = Math.max(...phases.map(({ peakBytes }) => peakBytes));
  return [
    {
      what: 'file operations: resident memory of the server',
      target: `< ${RESIDENT_BYTES_MAX / 1e6} MB`,
      measured: `${format(peak / 1e6)} MB`,
      met: peak < RESIDENT_BYTES_MAX,
    },
    ...phases.map(({ name, p99Ms }) => ({
      what: `echo, p99, beside ${name}`,
      target: `<= ${ECHO_MS_MAX} ms`,
      measured: `${format(p99Ms, 1)} ms`,
      met: p99Ms <= ECHO_MS_MAX,
    })),
  ];
}

await runMain(async () => {
  const files = countOf('files', values.files);
  const directory = await openWorkplace(values['data-dir']);
  makeFlat(join(directory, 'flat'), files);
  makeTree(join(directory, 'tree'), files);
  note('the files are there');
  const server = await startServer({ name: 'files', directory: join(directory, 'server') });
  const target = {
    host: LOOPBACK,
    port: server.ready.apiPort,
    localKeyFile: localKeyFile(server),
  };
  const watch = new EchoWatch(target);
  const api = await connectTo(server);
  const bench: Bench = { api, watch, pid: server.ready.pid, phases: [] };
  await runPhases(bench, directory, files);
  await watch.stop();
  await api.close();
  await server.stop();
  const body = table<Phase>(
    [
      ['meanwhile', ({ name }) => name],
      ['seconds', ({ seconds }) => format(seconds, 1)],
      ['echoes', ({ echoes }) => format(echoes)],
      ['median, ms', ({ medianMs }) => format(medianMs, 2)],
      ['p99, ms', ({ p99Ms }) => format(p99Ms, 1)],
      ['longest, ms', ({ maxMs }) => format(maxMs, 1)],
      ['server peak RSS so far, MB', ({ peakBytes }) => format(peakBytes / 1e6)],
    ],
    bench.phases,
  );
  process.stdout.write(`${body}\n`);
  if (values.dry) return;
  recordSection({
    id: `5 files ${files}`,
    title: `File operations on ${files} files`,
    settings: `\`bench/big-directory --files ${files}\`; one directory of empty files, and a tree with ${FILES_PER_FOLDER} to a folder, in ${values['data-dir']}.`,
    verdicts: verdicts(bench.phases),
    body,
  });
});
