import { describe, expect, it } from 'vitest';
import { readFailures, readTotals } from './test-totals.js';

const report = (fields: object): string =>
  JSON.stringify({
    numPassedTests: 5,
    numFailedTests: 0,
    numPendingTests: 2,
    numTodoTests: 0,
    success: true,
    ...fields,
  });

describe('readTotals', () => {
  it('adds up what ran and what did not', () => {
    expect(readTotals(report({ numTodoTests: 1 }))).toEqual({ passed: 5, failed: 0, skipped: 3 });
  });

  it('counts a suite that could not be loaded as a failure', () => {
    expect(readTotals(report({ success: false })).failed).toBe(1);
    expect(readTotals(report({ success: false, numFailedTests: 2 })).failed).toBe(2);
  });

  it('refuses anything but a report', () => {
    expect(() => readTotals('{"numPassedTests": 5}')).toThrow('numFailedTests');
    expect(() => readTotals('')).toThrow();
  });
});

describe('readFailures', () => {
  it('names each failed test with the beginning of its message', () => {
    const failed = { fullName: 'a thing works', status: 'failed', failureMessages: ['no\nat x'] };
    const passed = { fullName: 'another works', status: 'passed' };
    const file = { name: 'a.test.ts', status: 'failed', assertionResults: [failed, passed] };
    expect(readFailures(report({ testResults: [file] }))).toEqual([
      'a.test.ts: a thing works\n    no\n    at x',
    ]);
  });

  it('names a file that could not be loaded', () => {
    const file = { name: 'b.test.ts', status: 'failed', message: 'lost', assertionResults: [] };
    expect(readFailures(report({ testResults: [file] }))).toEqual(['b.test.ts\n    lost']);
  });

  it('is empty where all passed', () => {
    expect(readFailures(report({}))).toEqual([]);
  });
});
