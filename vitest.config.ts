import { defineConfig } from 'vitest/config';

// Unit tests lie beside the source. The other kinds have their own folders, because they start
// processes or run long virtual hours, and need other limits. The kinds that start processes run one
// file at a time and after the others: vitest refuses two projects with different worker counts in
// one group.
/** A busy machine takes its time: these limits only end what hangs. */
const patience = { expect: { poll: { interval: 20, timeout: 15_000 } }, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...patience,
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'scripts/**/*.test.ts',
            'bench/src/**/*.test.ts',
          ],
          exclude: ['**/dist/**', '**/node_modules/**'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...patience,
          name: 'simulation',
          include: ['tests/simulation/**/*.test.ts'],
          // All of it is computing: 200 flows take ten seconds of a core that nobody else wants.
          testTimeout: 240_000,
        },
      },
      {
        test: {
          ...patience,
          name: 'fuzz',
          include: ['tests/fuzz/**/*.test.ts'],
          testTimeout: 240_000,
        },
      },
      {
        test: {
          ...patience,
          name: 'integration',
          include: ['tests/integration/**/*.test.ts', 'tests/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          sequence: { groupOrder: 1 },
          // Two servers and a client share the cores with the tests, so one file at a time.
          fileParallelism: false,
        },
      },
      {
        test: {
          ...patience,
          name: 'conformance',
          include: ['tests/conformance/**/*.test.ts'],
          globalSetup: ['tests/conformance/harness/global-setup.ts'],
          testTimeout: 30_000,
          sequence: { groupOrder: 2 },
          // All files talk to one server and change its settings, so one file at a time; and they
          // share a worker, because starting one takes longer than most files.
          fileParallelism: false,
          isolate: false,
        },
      },
      {
        test: {
          ...patience,
          name: 'attacks',
          include: ['tests/attacks/**/*.test.ts'],
          // Two servers of its own: what is left of one after the attacks is no place for other tests.
          globalSetup: ['tests/conformance/harness/global-setup.ts'],
          testTimeout: 60_000,
          sequence: { groupOrder: 3 },
          fileParallelism: false,
          isolate: false,
        },
      },
    ],
  },
});
