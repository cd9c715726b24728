/**
 * One big file between two servers on this machine, over loopback.
 *
 * Usage: bench/loopback [--path native,dgram] [--size-mb 1000] [--runs 3] [--data-dir /dev/shm]
 *                       [--state-dir DIR] [--cpu-prof DIR] [--dry]
 *
 * Writes medians and all runs into RESULTS.md, unless `--dry`. With the default directory the file
 * is in memory at both ends, so this measures us, not a disk; as many bytes are written and removed
 * before each run, so that it is not the host's giving memory to a virtual machine either. Refuses
 * unknown options.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readTree, type TreeItem, writeRandomFile } from '../../scripts/dist/sample-tree.js';
import { measureTransfer, type TransferRun } from './measure-transfer.js';
import { recordSection, type Verdict } from './results-file.js';
import { cpuPerGb, medianRun, runDetails, runLine, runTable } from './run-table.js';
import { format } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

/** Least goodput, Mbit/s, by path and size. */
const TARGETS: Readonly<Record<string, readonly [sizeMb: number, mbps: number]>> = {
  native: [1000, 2000],
  dgram: [1000, 200],
};
const LARGE_SIZE_MB = 5000;
const LARGE_TARGET_MBPS = 5000;
const RESIDENT_BYTES_MAX = 400e6;

const { values } = parseArgs({
  options: {
    path: { type: 'string', default: 'native,dgram' },
    'size-mb': { type: 'string', default: '1000' },
    runs: { type: 'string', default: '3' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    'state-dir': { type: 'string' },
    'cpu-prof': { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

function targetOf(path: string, sizeMb: number): number | null {
  if (path === 'native' && sizeMb >= LARGE_SIZE_MB) return LARGE_TARGET_MBPS;
  const [size, mbps] = TARGETS[path] ?? [0, 0];
  return sizeMb === size ? mbps : null;
}

function verdicts(path: string, sizeMb: number, run: TransferRun): Verdict[] {
  const target = targetOf(path, sizeMb);
  if (target === null) return [];
  const peak = Math.max(run.senderPeakBytes, run.receiverPeakBytes);
  return [
    {
      what: `loopback, ${path}, one ${sizeMb} MB file`,
      target: `>= ${target} Mbit/s`,
      measured: `${format(run.goodputMbps)} Mbit/s, ${format(cpuPerGb(run), 1)} CPU s/GB`,
      met: run.goodputMbps >= target,
    },
    {
      what: `loopback, ${path}, ${sizeMb} MB: resident memory`,
      target: `< ${RESIDENT_BYTES_MAX / 1e6} MB`,
      measured: `${format(peak / 1e6)} MB`,
      met: peak < RESIDENT_BYTES_MAX,
    },
  ];
}

interface Work {
  readonly directory: string;
  readonly source: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  readonly sizeMb: number;
  readonly runs: number;
}

async function benchPath(path: string, work: Work): Promise<void> {
  const { sizeMb, directory } = work;
  const runs: TransferRun[] = [];
  const stateDirectory = values['state-dir'];
  const profileDirectory = values['cpu-prof'];
  for (let index = 0; index < work.runs; index += 1) {
    const run = await measureTransfer({
      source: work.source,
      items: work.items,
      workDirectory: directory,
      dataPath: path,
      link: null,
      ...(stateDirectory === undefined ? {} : { stateDirectory }),
      ...(profileDirectory === undefined ? {} : { profileDirectory }),
    });
    runs.push(run);
    note(`loopback ${path} ${runLine(run)}`);
  }
  const body = `${runTable(runs)}\n\n${runDetails(runs)}`;
  process.stdout.write(`${body}\n`);
  if (values.dry) return;
  recordSection({
    id: `1 loopback ${path} ${sizeMb}`,
    title: `Loopback, ${path}, one ${sizeMb} MB file`,
    settings: `\`bench/loopback --path ${path} --size-mb ${sizeMb}\`; data in ${values['data-dir']}, AES-GCM, both servers on the same cores.`,
    verdicts: verdicts(path, sizeMb, medianRun(runs)),
    body,
  });
}

await runMain(async () => {
  const sizeMb = countOf('size-mb', values['size-mb']);
  const runs = countOf('runs', values.runs);
  const directory = await openWorkplace(values['data-dir']);
  const source = join(directory, 'source');
  mkdirSync(source);
  await writeRandomFile(join(source, 'big.bin'), sizeMb * 1e6, 1);
  const items = await readTree(source);
  for (const path of values.path.split(',')) {
    await benchPath(path, { directory, source, items, sizeMb, runs });
  }
});
