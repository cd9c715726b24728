/** The table of attacks that this suite owes a test each; docs/SECURITY.md promises them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** References of each row, as they stand in the name of its test. */
const ROWS: readonly string[] = [
  'SFTPGo CVE-2026-30915',
  'SFTPGo CVE-2026-30914',
  'File Browser GHSA-mr74-928f-rw69',
  'File Browser GHSA-j9jx-hp4c-ghhh',
  'File Browser GHSA-3q2p-72cj-682c',
  'File Browser GHSA-7rc3-g7h6-22m7',
  'File Browser GHSA-pp88-jhwj-5qh5',
  'rclone CVE-2026-54572',
  'rclone CVE-2026-71313, CVE-2026-59732, croc#593, croc#594',
  'rclone GHSA-945v-v9p3-v5xw',
  'rclone CVE-2026-49980',
  'Aspera Faspex CVE-2022-47986',
  'MOVEit',
  'File Browser #5216',
  'rclone GHSA-6jcg-q3wp-x2f4',
  'rclone CVE-2026-59733',
  'croc CVE-2023-43621',
  'croc#366, GHSA-hp56-xvf4-g6wr',
  'iroh-blobs#235',
  'rclone GHSA-mfvx-7rcj-9m5g, GHSA-gwfq-86j8-7qhv',
];

it('each attack has a test here that carries its number and its reference', () => {
  const directory = dirname(fileURLToPath(import.meta.url));
  const text = readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts') && name !== 'every-row.test.ts')
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('\n');
  const missing = ROWS.map((row, index) => `attack ${index + 1}, ${row}`).filter(
    (title) => !text.includes(title),
  );
  expect(missing).toEqual([]);
});
