/**
 * Reads the JSON report of a vitest run and prints `PASSED FAILED SKIPPED`, three numbers.
 *
 * Usage: node scripts/dist/test-totals.js REPORT.json
 *
 * Refuses a file that is not such a report: a run without a report is no success.
 */
import { readFileSync } from 'node:fs';

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

if (import.meta.filename === process.argv[1]) {
  const [path] = process.argv.slice(2);
  if (path === undefined) throw new Error('Cannot read a report: no path, expected one');
  const { passed, failed, skipped } = readTotals(readFileSync(path, 'utf8'));
  process.stdout.write(`${passed} ${failed} ${skipped}\n`);
}
