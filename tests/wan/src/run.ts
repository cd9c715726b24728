/**
 * Runs named cases: transfers between two servers over emulated links that are bad, change, or are
 * under attack. Every case ends with equal content at both ends, or fails.
 *
 * Usage: tests/wan/run [--cases all|smoke|NAME,NAME…] [--list]
 *
 * Without `--cases` it is `smoke`. The last line is "N passed, N failed", with ", N skipped" when
 * this machine cannot run some; the exit code is 1 when anything failed, 2 for wrong arguments, 77
 * when nothing can run here. Leaves no namespace, process, mount or file behind.
 */
import { blockedCases } from './blocked-cases.js';
import { diskCases } from './disk-cases.js';
import { floodCases } from './flood-case.js';
import { linkCases } from './link-cases.js';
import { manyFlowsCases } from './many-flows-case.js';
import { natCases } from './nat-cases.js';
import { CannotRun, type WanCase } from './wan-case.js';
import { labObstacle } from './wan-lab.js';

const CASES: readonly WanCase[] = [
  ...linkCases,
  ...natCases,
  ...blockedCases,
  ...diskCases,
  ...manyFlowsCases,
  ...floodCases,
];
const EXIT_WRONG = 2;
const EXIT_SKIPPED = 77;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** @returns Cases by name, or what is wrong with the names. */
function choose(words: string): readonly WanCase[] | string {
  if (words === 'all') return CASES;
  if (words === 'smoke') return CASES.filter((one) => one.smoke === true);
  const chosen: WanCase[] = [];
  for (const name of words.split(',')) {
    const found = CASES.find((one) => one.name === name);
    if (found === undefined) return `case "${name}", expected one of --list`;
    chosen.push(found);
  }
  return chosen;
}

function parse(args: readonly string[]): readonly WanCase[] | string {
  if (args.length === 0) return choose('smoke');
  const [flag, value] = args;
  if (flag === '--cases' && value !== undefined && args.length === 2) return choose(value);
  return `arguments "${args.join(' ')}", expected [--cases all|smoke|NAME,…] or --list`;
}

async function runAll(cases: readonly WanCase[]): Promise<number> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, run } of cases) {
    const startedAt = performance.now();
    const took = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
    try {
      const text = await run();
      counts.passed += 1;
      say(`ok      ${name} [${took()}] ${text}`);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const skipped = error instanceof CannotRun;
      counts[skipped ? 'skipped' : 'failed'] += 1;
      say(`${skipped ? 'SKIPPED' : 'FAILED '} ${name} [${took()}] ${text}`);
    }
  }
  const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`;
  say(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
  return counts.failed === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 1 && args[0] === '--list') {
    for (const { name, about, smoke } of CASES) {
      say(`${name.padEnd(18)} ${smoke === true ? 'smoke ' : '      '} ${about}`);
    }
    return 0;
  }
  const cases = parse(args);
  if (typeof cases === 'string') {
    say(`Cannot run: ${cases}`);
    return EXIT_WRONG;
  }
  const obstacle = labObstacle();
  if (obstacle !== null) {
    say(`!!! SKIPPED: emulated links: ${obstacle}`);
    return EXIT_SKIPPED;
  }
  return runAll(cases);
}

process.exitCode = await main(process.argv.slice(2));
