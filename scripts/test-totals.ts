/**
 * Reads the JSON report of a vitest run and prints `PASSED FAILED SKIPPED`, three numbers; with
 * `--failures`, what failed and why.
 *
 * Usage: node scripts/dist/test-totals.js [--failures] REPORT.json
 *
 * Refuses a file that is not such a report: a run without a report is no success.
 */
import { readFileSync } from 'node:fs';

/** Of a failed test's message, this many lines are shown: what was expected, and where. */
const MESSAGE_LINES = 12;

const KEYS = ['numPassedTests', 'numFailedTests', 'numPendingTests', 'numTodoTests'] as const;

/** Numbers of one run. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Reads the numbers out of a report. A suite that failed without a failed test (it could not be
 * loaded) counts as one failure.
 *
 * @throws {Error} If the text is not a vitest JSON report.
 */
export function readTotals(text: string): Totals {
  const report = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const [passed, failed, pending, todo] = KEYS.map((key) => {
    const value = report[key];
    if (typeof value === 'number') return value;
    throw new Error(`Cannot read the report: "${key}" is ${typeof value}, expected a number`);
  }) as [number, number, number, number];
  const unexplained = report.success === false && failed === 0 ? 1 : 0;
  return { passed, failed: failed + unexplained, skipped: pending + todo };
}

/** The parts of a report that say what failed. */
interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages?: readonly string[];
  }[];
}

/**
 * Each failed test of a report, as `FILE: NAME` with the beginning of its message below, and each
 * file that failed without a failed test.
 */
export function readFailures(text: string): string[] {
  const { testResults = [] } = JSON.parse(text) as { readonly testResults?: readonly FileResult[] };
  return testResults.flatMap((file) => {
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0 && file.status === 'failed') return [entry(file.name, file.message)];
    return failed.map((test) =>
      entry(`${file.name}: ${test.fullName}`, test.failureMessages?.join('\n')),
    );
  });
}

function entry(title: string, message = ''): string {
  const lines = message.split('\n').slice(0, MESSAGE_LINES);
  return [title, ...lines.map((line) => `    ${line}`)].join('\n');
}

if (import.meta.filename === process.argv[1]) {
  const paths = process.argv.slice(2).filter((word) => word !== '--failures');
  const [path] = paths;
  if (path === undefined) throw new Error('Cannot read a report: no path, expected one');
  const report = readFileSync(path, 'utf8');
  if (process.argv.includes('--failures')) {
    process.stdout.write(
      readFailures(report)
        .map((text) => `${text}\n`)
        .join(''),
    );
  } else {
    const { passed, failed, skipped } = readTotals(report);
    process.stdout.write(`${passed} ${failed} ${skipped}\n`);
  }
}
