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
import { type EchoBench, echoVerdicts, measure, type Phase, phaseTable } from './echo-phases.js';
import { EchoWatch } from './echo-watch.js';
import { recordSection, type Verdict } from './results-file.js';
import { format } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const FILES_PER_FOLDER = 1000;
const RESIDENT_BYTES_MAX = 500e6;
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

interface Bench extends EchoBench {
  readonly api: Api;
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
    ...echoVerdicts(phases),
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
  const body = phaseTable(bench.phases);
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
