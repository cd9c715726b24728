/**
 * Secrets in what the servers of a lab have written: local keys, passwords that the command line was
 * given, and, in logs, the text of any token. None may lie there in clear text.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Shorter ones would be found by chance. */
const SECRET_LENGTH_LEAST = 8;
const LOCAL_KEY_FILE = 'local.key';
const TOKEN_TEXT = /\bjs1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{16,}/;
const SECRET_VARIABLE = /^JETSTREAM_.*(PASSWORD|TOKEN)$/;
const DATABASE = /\.db(-wal|-journal)?$|\.sqlite/;

/** Values of variables that carry secrets to the command line. */
export const secretsOf = (environment: Readonly<Record<string, string>>): string[] =>
  Object.entries(environment)
    .filter(([name, value]) => SECRET_VARIABLE.test(name) && value.length >= SECRET_LENGTH_LEAST)
    .map(([, value]) => value);

const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });

const localKeyOf = (path: string): string => {
  const { key } = JSON.parse(readFileSync(path, 'utf8')) as { key?: string };
  return key ?? '';
};

/** Says which logs and databases below some directories hold secrets; these are not repeated. */
export const findLabSecrets = (
  directories: readonly string[],
  given: Iterable<string>,
): string[] => {
  const files = directories.flatMap(filesBelow);
  const keys = files.filter((path) => basename(path) === LOCAL_KEY_FILE).map(localKeyOf);
  const secrets = [...new Set([...given, ...keys])].filter(
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
