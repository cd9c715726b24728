/**
 * The secrets that the tests use, and the search for them in what servers have written: logs,
 * databases with their journals, results, receipts. None may lie there in clear text.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { inject } from 'vitest';
import { DATABASE, filesBelow, keysIn } from '../../integration/lab-secrets.js';

/** Shorter ones would be found by chance. */
const SECRET_LENGTH_LEAST = 6;
const TOKEN_SECRET = /\bjs1\.[^.\s"]+\.([^.\s"]{16,})/g;
const noted = new Set<string>();

const tokenSecretOf = (token: unknown): unknown =>
  typeof token === 'string' ? token.split('.')[2] : null;

/** Notes passwords, token secrets and keys of webhooks among parameters or in an answer. */
export const noteSecrets = (value: unknown): void => {
  const { secretsFile } = inject('target');
  if (secretsFile === null || typeof value !== 'object' || value === null) return;
  const { password, destinationToken, secret: webhookKey } = value as Record<string, unknown>;
  // A server has to keep what it shows to another one or signs with, in its database alone.
  for (const kept of [tokenSecretOf(destinationToken), webhookKey]) {
    if (typeof kept !== 'string' || kept.length < SECRET_LENGTH_LEAST) continue;
    appendFileSync(secretsFile, `${JSON.stringify({ kept })}\n`);
  }
  const secrets = [...JSON.stringify(value).matchAll(TOKEN_SECRET)].map((match) => match[1] ?? '');
  if (typeof password === 'string') secrets.push(password);
  for (const secret of secrets) {
    if (secret.length < SECRET_LENGTH_LEAST || noted.has(secret)) continue;
    noted.add(secret);
    appendFileSync(secretsFile, `${JSON.stringify(secret)}\n`);
  }
};

/** Says which files hold which kind of secret; the secrets themselves are not repeated. */
export const findSecrets = (secretsFile: string, directories: readonly string[]): string[] => {
  if (!existsSync(secretsFile)) return [];
  const lines = readFileSync(secretsFile, 'utf8').trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as string | { readonly kept: string });
  const kept = new Set(entries.flatMap((entry) => (typeof entry === 'string' ? [] : entry.kept)));
  const files = directories.flatMap(filesBelow);
  const given = entries.filter((entry) => typeof entry === 'string');
  const secrets = [...new Set([...given, ...kept, ...keysIn(files)])];
  return files.flatMap((path) => {
    if (path.endsWith('.key')) return [];
    const bytes = readFileSync(path);
    const found = secrets.filter(
      (secret) => bytes.includes(secret) && !(DATABASE.test(path) && kept.has(secret)),
    );
    return found.length === 0 ? [] : [`${path} holds ${found.length} of ${secrets.length}`];
  });
};
