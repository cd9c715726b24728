/**
 * How our flows share a bottleneck: with one TCP flow, with each other, with a queue of their own.
 *
 * Usage: bench/manners [--case fair,background,pair,alone,fixed] [--rate-mbps 200] [--runs 3]
 *                      [--seconds 15] [--warm-seconds 8] [--queue-ms 10,40] [--path native]
 *                      [--data-dir /dev/shm] [--dry | --draw]
 *
 * RTT 40 ms, no random loss. Runs take turns in who begins, ours or TCP. Writes one section per queue
 * into RESULTS.md, unless `--dry`, and draws manners.svg from the figures there, which is all that
 * `--draw` does. Needs root, a C compiler, iperf3 and ping, and refuses to start
 * without them. TCP, ours and the emulator share the cores, so the rate is one that they bear well. Not
 * under `chrt -r`: with real-time turns the emulator waits for others for tens of milliseconds, and what it
 * then lets through at once overflows a queue of 10 ms, so that TCP has losses that nobody has caused.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { labObstacle } from '../../tests/wan/dist/wan-lab.js';
import { type Bench, MANNERS_CASES, type Row, RTT_MS } from './manners-cases.js';
import { drawCharts, recordSection, type Verdict } from './results-file.js';
import { format, median, table } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: 'fair,background,pair,alone,fixed' },
    'rate-mbps': { type: 'string', default: '200' },
    'queue-ms': { type: 'string', default: '10,40' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '15' },
    'warm-seconds': { type: 'string', default: '8' },
    path: { type: 'string', default: 'native' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    dry: { type: 'boolean', default: false },
    draw: { type: 'boolean', default: false },
  },
});

/** Holes of the file cost nothing to read, and the transfers are cancelled long before its end. */
const SOURCE_BYTES = 40e9;

const figureText = (row: Row, figure: number): string =>
  `${format(figure, row.decimals)} ${row.unit}`;

function report(bench: Bench, queueMs: number, rows: readonly Row[]): void {
  const body = table<Row>(
    [
      ['what', (row) => row.what],
      ['median', (row) => figureText(row, median(row.figures))],
      ['target', (row) => row.target],
      ['runs', (row) => row.figures.map((figure) => format(figure, row.decimals)).join(', ')],
      ['beside it', (row) => row.remark],
    ],
    rows,
  );
  process.stdout.write(`queue ${queueMs} ms\n\n${body}\n\n`);
  if (values.dry) return;
  const verdicts: Verdict[] = rows.map((row) => ({
    what: `queue ${queueMs} ms: ${row.what}`,
    target: row.target,
    measured: figureText(row, median(row.figures)),
    met: row.isMet(median(row.figures)),
  }));
  recordSection({
    id: `4 manners ${queueMs} ${values.path}`,
    title: `Manners, queue ${queueMs} ms, ${values.path}`,
    settings: `\`bench/manners --rate-mbps ${bench.rateMbps} --runs ${values.runs} --seconds ${values.seconds} --queue-ms ${queueMs}\`; ${bench.rateMbps} Mbit/s, RTT ${RTT_MS} ms, no random loss; the last ${values.seconds} s after ${values['warm-seconds']} s of settling; in every other run the TCP flow begins 2 s later than ours, else 2 s earlier.`,
    verdicts,
    body,
  });
}

/** @throws {Error} If a program is missing that a case needs. */
function requirePrograms(): void {
  for (const [program, arg] of [
    ['iperf3', '--version'],
    ['ping', '-V'],
  ] as const) {
    try {
      execFileSync(program, [arg], { stdio: 'ignore' });
    } catch {
      throw new Error(`Cannot measure manners: "${program}" does not run, expected it installed`);
    }
  }
}

await runMain(async () => {
  if (values.draw) {
    drawCharts();
    return;
  }
  const obstacle = labObstacle();
  if (obstacle !== null) throw new Error(`Cannot measure manners: ${obstacle}`);
  requirePrograms();
  const cases = values.case.split(',').map((name) => {
    const found = MANNERS_CASES[name];
    if (found !== undefined) return found;
    const names = Object.keys(MANNERS_CASES).join(', ');
    throw new Error(`Cannot measure case "${name}", expected one of ${names}`);
  });
  const queues = values['queue-ms'].split(',').map((text) => countOf('queue-ms', text));
  const directory = await openWorkplace(values['data-dir']);
  const source = join(directory, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'big.bin'), '');
  truncateSync(join(source, 'big.bin'), SOURCE_BYTES);
  const bench: Bench = {
    directory,
    source,
    rateMbps: countOf('rate-mbps', values['rate-mbps']),
    runs: countOf('runs', values.runs),
    path: values.path,
    warmMs: countOf('warm-seconds', values['warm-seconds']) * 1000,
    windowMs: countOf('seconds', values.seconds) * 1000,
  };
  for (const queueMs of queues) {
    const rows: Row[] = [];
    for (const measure of cases) {
      for (const row of await measure(bench, queueMs)) {
        rows.push(row);
        const figure = median(row.figures);
        note(
          `${row.isMet(figure) ? 'met   ' : 'MISSED'} queue ${queueMs} ms, ${row.what}: ${figureText(row, figure)} (${row.remark})`,
        );
      }
    }
    report(bench, queueMs, rows);
  }
});
