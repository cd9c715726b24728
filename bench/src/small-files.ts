/**
 * Many small files between two servers over an emulated link of 500 Mbit/s and 100 ms.
 *
 * Usage: bench/small-files [--case 10k,10k-loss,100k,1m-empty] [--path native] [--runs 3]
 *                          [--data-dir /dev/shm] [--state-dir DIR] [--cpu-prof DIR] [--dry]
 *
 * Writes one section per case into RESULTS.md, unless `--dry`. Needs root and a C compiler. The time
 * begins with `createTransfer`; reading the tree into a manifest comes before and is shown beside it.
 */

import { randomFillSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readTree } from '../../scripts/dist/sample-tree.js';
import { type LinkOptions, labObstacle } from '../../tests/wan/dist/wan-lab.js';
import { measureTransfer, type TransferRun } from './measure-transfer.js';
import { recordSection, type Verdict } from './results-file.js';
import { medianRun, runDetails, runLine, runTable } from './run-table.js';
import { format } from './statistics.js';
import { describeLink } from './wan-profiles.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

interface SmallFilesCase {
  readonly title: string;
  readonly files: number;
  readonly bytesEach: number;
  readonly lossPercent: number;
  /** Longest time, and least rate; null where there is no target. */
  readonly targetSeconds: number | null;
  readonly targetMbps: number | null;
}

const FILES_PER_FOLDER = 100;
const LINK = { rttMs: 100, rateMbps: 500, queueMs: 100 };
const RESIDENT_BYTES_MAX = 400e6;

const CASES: Readonly<Record<string, SmallFilesCase>> = {
  '10k': {
    title: '10,000 files of 4 KiB',
    files: 10_000,
    bytesEach: 4096,
    lossPercent: 0,
    targetSeconds: 2,
    targetMbps: null,
  },
  '10k-loss': {
    title: '10,000 files of 4 KiB at 0.5 % loss',
    files: 10_000,
    bytesEach: 4096,
    lossPercent: 0.5,
    targetSeconds: 2.5,
    targetMbps: null,
  },
  '100k': {
    title: '100,000 files of 10 kB',
    files: 100_000,
    bytesEach: 10_000,
    lossPercent: 0,
    targetSeconds: null,
    targetMbps: 200,
  },
  '1m-empty': {
    title: '1,000,000 empty files',
    files: 1_000_000,
    bytesEach: 0,
    lossPercent: 0,
    targetSeconds: null,
    targetMbps: null,
  },
};

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: '10k,10k-loss,100k' },
    path: { type: 'string', default: 'native' },
    runs: { type: 'string', default: '3' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    'state-dir': { type: 'string' },
    'cpu-prof': { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

function makeTree(root: string, { files, bytesEach }: SmallFilesCase): void {
  const content = Buffer.alloc(bytesEach);
  for (let index = 0; index < files; index += 1) {
    const folder = join(root, `d${Math.floor(index / FILES_PER_FOLDER)}`);
    if (index % FILES_PER_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${index % FILES_PER_FOLDER}`), randomFillSync(content));
  }
}

function verdicts(wanted: SmallFilesCase, run: TransferRun): Verdict[] {
  const { title, targetSeconds, targetMbps } = wanted;
  const peak = Math.max(run.senderPeakBytes, run.receiverPeakBytes);
  const found: Verdict[] = [
    {
      what: `${title}: resident memory`,
      target: `< ${RESIDENT_BYTES_MAX / 1e6} MB`,
      measured: `${format(peak / 1e6)} MB`,
      met: peak < RESIDENT_BYTES_MAX,
    },
  ];
  if (targetSeconds !== null) {
    found.unshift({
      what: title,
      target: `<= ${targetSeconds} s`,
      measured: `${format(run.seconds, 2)} s`,
      met: run.seconds <= targetSeconds,
    });
  }
  if (targetMbps !== null) {
    found.unshift({
      what: title,
      target: `>= ${targetMbps} Mbit/s`,
      measured: `${format(run.goodputMbps)} Mbit/s`,
      met: run.goodputMbps >= targetMbps,
    });
  }
  return found;
}

async function benchCase(name: string, wanted: SmallFilesCase, directory: string): Promise<void> {
  const source = join(directory, name);
  makeTree(source, wanted);
  const items = await readTree(source);
  const runs: TransferRun[] = [];
  const stateDirectory = values['state-dir'];
  const profileDirectory = values['cpu-prof'];
  const link: LinkOptions = { ...LINK, lossPercent: wanted.lossPercent };
  for (let index = 0; index < countOf('runs', values.runs); index += 1) {
    const run = await measureTransfer({
      source,
      items,
      workDirectory: directory,
      dataPath: values.path,
      link: { ...link, seed: 42 + index },
      ...(stateDirectory === undefined ? {} : { stateDirectory }),
      ...(profileDirectory === undefined ? {} : { profileDirectory }),
    });
    runs.push(run);
    note(`${name} ${runLine(run)}`);
  }
  const { seconds } = medianRun(runs);
  const perSecond = `${format(wanted.files / seconds)} files/s`;
  const body = `${perSecond}\n\n${runTable(runs)}\n\n${runDetails(runs)}`;
  process.stdout.write(`${wanted.title}\n\n${body}\n`);
  if (values.dry) return;
  recordSection({
    id: `3 small ${name} ${values.path}`,
    title: `Small files: ${wanted.title}, ${values.path}`,
    settings: `\`bench/small-files --case ${name} --path ${values.path}\`; ${describeLink(link)}; ${FILES_PER_FOLDER} files to a folder, data in ${values['data-dir']}.`,
    verdicts: verdicts(wanted, medianRun(runs)),
    body,
  });
}

await runMain(async () => {
  const obstacle = labObstacle();
  if (obstacle !== null) throw new Error(`Cannot measure over a WAN: ${obstacle}`);
  const cases = values.case.split(',').map((name) => {
    const found = CASES[name];
    if (found !== undefined) return [name, found] as const;
    throw new Error(`Cannot run case "${name}", expected one of ${Object.keys(CASES).join(', ')}`);
  });
  const directory = await openWorkplace(values['data-dir']);
  for (const [name, wanted] of cases) await benchCase(name, wanted, directory);
});
