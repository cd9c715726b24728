import { defineConfig } from 'vitest/config';

// Started by tests/root/run, which makes the accounts.
export default defineConfig({
  test: {
    name: 'root',
    include: ['tests/root/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
