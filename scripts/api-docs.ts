/**
 * Writes the reference of the API, `docs/api`, from the contract, or checks that it is up to date.
 *
 * Usage: node scripts/dist/api-docs.js [--check]
 *
 * `--check` writes nothing and exits 1 when a page differs from what would be written. Needs a
 * build, and refuses any other argument.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPages } from './api-pages.js';
import { repositoryRoot } from './server-process.js';

const PLACE = 'docs/api';
/** Their comments describe the structures. */
const STRUCTURES = ['structures.ts', 'server-structures.ts'].map(
  (name) => `packages/contract/src/${name}`,
);

function main(args: readonly string[]): number {
  const [flag, ...rest] = args;
  if (rest.length > 0 || (flag !== undefined && flag !== '--check')) {
    process.stderr.write(
      `Cannot make the API reference: arguments "${args.join(' ')}", expected --check\n`,
    );
    return 2;
  }
  const root = repositoryRoot();
  const directory = join(root, PLACE);
  const sources = STRUCTURES.map((path) => readFileSync(join(root, path), 'utf8'));
  const pages = apiPages(sources.join('\n'));
  mkdirSync(directory, { recursive: true });
  const strays = readdirSync(directory).filter((name) => !pages.has(name));
  const stale = [...pages].filter(([name, text]) => {
    const file = join(directory, name);
    return !existsSync(file) || readFileSync(file, 'utf8') !== text;
  });
  if (flag === '--check') {
    for (const name of [...stale.map(([page]) => page), ...strays]) {
      process.stdout.write(`${PLACE}/${name}: not what the contract says, run "npm run docs"\n`);
    }
    return stale.length + strays.length === 0 ? 0 : 1;
  }
  for (const name of strays) rmSync(join(directory, name), { recursive: true });
  for (const [name, text] of stale) writeFileSync(join(directory, name), text);
  process.stdout.write(`api: ${pages.size} pages, ${stale.length} written\n`);
  return 0;
}

if (import.meta.filename === process.argv[1]) process.exitCode = main(process.argv.slice(2));
