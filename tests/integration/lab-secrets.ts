/**
 * Secrets in what servers have written: private and local keys, passwords that the command line was
 * given, and, in logs, the text of any token. None may lie there in clear text.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Shorter ones would be found by chance. */
const SECRET_LENGTH_LEAST = 8;
const KEY_FILE = /\.key$/;
const TOKEN_TEXT = /\bjs1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{16,}/;
const SECRET_VARIABLE = /^JETSTREAM_.*(PASSWORD|TOKEN)$/;
export const DATABASE = /\.db(-wal|-journal)?$|\.sqlite/;

/** Values of variables that carry secrets to the command line. */
export const secretsOf = (environment: Readonly<Record<string, string>>): string[] =>
  Object.entries(environment)
    .filter(([name, value]) => SECRET_VARIABLE.test(name) && value.length >= SECRET_LENGTH_LEAST)
    .map(([, value]) => value);

export const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });

/** What nobody else may know of a key file: the local key, or the first line of a private one. */
const keyIn = (path: string): string => {
  const text = readFileSync(path, 'utf8');
  if (text.startsWith('-----BEGIN')) return text.split('\n')[1] ?? '';
  const { key } = JSON.parse(text) as { key?: string };
  return key ?? '';
};

/** The keys among some files. */
export const keysIn = (files: readonly string[]): string[] =>
  files.filter((path) => KEY_FILE.test(path)).map(keyIn);

/** Says which logs and databases below some directories hold secrets; these are not repeated. */
export const findLabSecrets = (
  directories: readonly string[],
  given: Iterable<string>,
): string[] => {
  const files = directories.flatMap(filesBelow);
  const secrets = [...new Set([...given, ...keysIn(files)])].filter(
    (secret) => secret.length >= SECRET_LENGTH_LEAST,
  );
  return files.flatMap((path) => {
    const isLog = path.endsWith('.log');
    if (!isLog && !DATABASE.test(path)) return [];
    const bytes = readFileSync(path);
    const held = secrets.filter((secret) => bytes.includes(secret)).length;
    const isToken = isLog && TOKEN_TEXT.test(bytes.toString('latin1'));
    return held > 0 || isToken
      ? [`${path} holds ${held} secrets${isToken ? ', a token' : ''}`]
      : [];
  });
};
