import { defineConfig } from 'vitest/config';

// Started by tests/root/run, which makes the accounts.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'root',
          include: ['tests/root/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'attacks as root',
          include: ['tests/attacks/**/*.test.ts'],
          globalSetup: ['tests/root/attack-setup.ts'],
          testTimeout: 90_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
          fileParallelism: false,
          isolate: false,
        },
      },
    ],
  },
});
