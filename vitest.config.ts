import { defineConfig } from 'vitest/config';

// Unit tests lie beside the source. The other kinds have their own folders, because they start
// processes or run long virtual hours, and need other limits. The kinds that start processes run one
// file at a time and after the others: vitest refuses two projects with different worker counts in
// one group.
// Tests run as root as well, and start servers that are to be one process of that account.
process.env['JETSTREAM_SINGLE_PROCESS'] = '1';

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['**/dist/**', '**/node_modules/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['tests/simulation/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts', 'tests/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
          // Two servers and a client share the cores with the tests, so one file at a time.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'conformance',
          include: ['tests/conformance/**/*.test.ts'],
          globalSetup: ['tests/conformance/harness/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 2 },
          // All files talk to one server and change its settings, so one file at a time; and they
          // share a worker, because starting one takes longer than most files.
          fileParallelism: false,
          isolate: false,
        },
      },
    ],
  },
});
