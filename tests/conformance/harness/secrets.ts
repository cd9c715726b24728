/**
 * The secrets that the tests use, and the search for them in what servers have written: logs,
 * databases with their journals, results, receipts. None may lie there in clear text.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';

/** Shorter ones would be found by chance. */
const SECRET_LENGTH_LEAST = 6;
const TOKEN_SECRET = /\bjs1\.[^.\s"]+\.([^.\s"]{16,})/g;
const noted = new Set<string>();

/** Notes passwords and token secrets among parameters or in an answer. */
export const noteSecrets = (value: unknown): void => {
  const { secretsFile } = inject('target');
  if (secretsFile === null || typeof value !== 'object' || value === null) return;
  const { password, destinationToken } = value as Record<string, unknown>;
  if (typeof destinationToken === 'string') {
    // A server has to keep what it is to show to another one, in a file that only its account reads.
    appendFileSync(secretsFile, `${JSON.stringify({ kept: destinationToken.split('.')[2] })}\n`);
  }
  const secrets = [...JSON.stringify(value).matchAll(TOKEN_SECRET)].map((match) => match[1] ?? '');
  if (typeof password === 'string') secrets.push(password);
  for (const secret of secrets) {
    if (secret.length < SECRET_LENGTH_LEAST || noted.has(secret)) continue;
    noted.add(secret);
    appendFileSync(secretsFile, `${JSON.stringify(secret)}\n`);
  }
};

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });

/** Says which files hold which kind of secret; the secrets themselves are not repeated. */
export const findSecrets = (secretsFile: string, directories: readonly string[]): string[] => {
  if (!existsSync(secretsFile)) return [];
  const lines = readFileSync(secretsFile, 'utf8').trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as string | { readonly kept?: string });
  const kept = new Set(entries.map((entry) => (typeof entry === 'string' ? null : entry.kept)));
  const secrets = entries.filter(
    (entry) => typeof entry === 'string' && !kept.has(entry),
  ) as string[];
  return directories.flatMap(filesBelow).flatMap((path) => {
    const bytes = readFileSync(path);
    const found = secrets.filter((secret) => bytes.includes(secret));
    return found.length === 0 ? [] : [`${path} holds ${found.length} of ${secrets.length}`];
  });
};
