/**
 * What is left of the throughput of a transfer while 200,000 junk datagrams a second come in at the
 * data port of its receiver: over a link of 500 Mbit/s, and over loopback, where the processor limits.
 *
 * Usage: bench/flood [--case link,loopback] [--size-mb 250] [--runs 3] [--dry]
 *
 * Each run has a transfer without and one with the flood, between fresh servers. The flooder needs a
 * core, which is one of those that the servers share. Writes a section per case into RESULTS.md, unless
 * `--dry`. `link` needs root, a C compiler and iproute2, `loopback` the compiler alone.
 */
import { parseArgs } from 'node:util';
import { FLOOD_LINK, type FloodRun, measureFlood, shareLeft } from '../../tests/wan/dist/flood.js';
import { labObstacle, openWanLab } from '../../tests/wan/dist/wan-lab.js';
import { recordSection } from './results-file.js';
import { format, median, table } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: 'link,loopback' },
    'size-mb': { type: 'string', default: '250' },
    runs: { type: 'string', default: '3' },
    dry: { type: 'boolean', default: false },
  },
});

/** Percent of the throughput that must be left. */
const LEFT_MIN = 50;

async function measure(name: string, bytes: number): Promise<FloodRun> {
  if (name === 'loopback') return measureFlood(null, bytes);
  const lab = await openWanLab(FLOOD_LINK);
  try {
    return await measureFlood(lab, bytes);
  } finally {
    await lab.close();
  }
}

const left = (run: FloodRun): number => 100 * shareLeft(run);

function report(name: string, runs: readonly FloodRun[]): void {
  const share = median(runs.map(left));
  const perSecond = format(median(runs.map((run) => run.perSecond)));
  const body = table<FloodRun>(
    [
      ['alone, Mbit/s', (run) => format(run.calmMbps)],
      ['beside the flood, Mbit/s', (run) => format(run.floodedMbps)],
      ['left', (run) => `${format(left(run))} %`],
      ['junk datagrams/s', (run) => format(run.perSecond)],
      ['dropped by the kernel', (run) => `${format(100 * run.droppedByKernel)} %`],
    ],
    runs,
  );
  process.stdout.write(`${name}\n\n${body}\n\n`);
  if (values.dry) return;
  recordSection({
    id: `4 flood ${name}`,
    title: `A flood of junk datagrams, ${name}`,
    settings: `\`bench/flood --case ${name} --size-mb ${values['size-mb']} --runs ${values.runs}\`; ${
      name === 'link' ? '500 Mbit/s, RTT 10 ms' : 'loopback'
    }, one row per run; the flooder shares the cores with both servers.`,
    verdicts: [
      {
        what: `${name}: throughput left beside ${perSecond} junk datagrams/s`,
        target: `>= ${LEFT_MIN} %`,
        measured: `${format(share)} %`,
        met: share >= LEFT_MIN,
      },
    ],
    body,
  });
}

await runMain(async () => {
  const names = values.case.split(',');
  const unknown = names.find((name) => name !== 'link' && name !== 'loopback');
  if (unknown !== undefined) {
    throw new Error(`Cannot measure case "${unknown}", expected "link" or "loopback"`);
  }
  const obstacle = names.includes('link') ? labObstacle() : null;
  if (obstacle !== null) throw new Error(`Cannot measure case "link": ${obstacle}`);
  const bytes = countOf('size-mb', values['size-mb']) * 1_000_000;
  const runs = countOf('runs', values.runs);
  // Where the scenes put their trees: no disk is measured.
  process.env.TMPDIR = await openWorkplace(MEMORY_DIRECTORY);
  for (const name of names) {
    const found: FloodRun[] = [];
    for (let run = 0; run < runs; run += 1) {
      const one = await measure(name, bytes);
      found.push(one);
      note(`${name}: ${format(left(one))} % left under ${format(one.perSecond)} datagrams/s`);
    }
    report(name, found);
  }
});
