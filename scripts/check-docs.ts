/**
 * Checks that the documents are true: links lead somewhere, limits have the values that the code
 * has and none is missing, and the README's tour of the API compiles.
 *
 * Usage: node scripts/dist/check-docs.js
 *
 * Prints one line per finding and exits 1 when there is any. Needs a build, and refuses arguments.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { repositoryRoot } from './server-process.js';

const LIMITS = 'docs/LIMITS.md';
/** A named maximum at the top of a file. */
const MAXIMUM =
  /^(?:export )?const ([A-Z0-9]+(?:_[A-Z0-9]+)*_MAX)\s*(?::\s*number\s*)?=\s*([^;]+);/gm;

/** Files that git knows or would add. */
function listFiles(...patterns: readonly string[]): string[] {
  const flags = ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--'];
  const output = execFileSync('git', [...flags, ...patterns], { encoding: 'utf8' });
  return output.split('\0').filter((file) => file !== '' && existsSync(file));
}

/** Value of an expression such as `16 * 1_024`; undefined when it is not a plain product. */
export function productOf(expression: string): number | undefined {
  const plain = expression.replace(/_/g, '').trim();
  if (!/^[\d.e* ]+$/.test(plain)) return undefined;
  const factors = plain
    .split('*')
    .map((factor) => (factor.trim() === '' ? Number.NaN : Number(factor)));
  const product = factors.reduce((total, factor) => total * factor, 1);
  return Number.isNaN(product) ? undefined : product;
}

function checkLinks(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/```[\s\S]*?```/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => (link ?? '').replace(/#.*$/, ''))
    .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
    .filter((link) => !existsSync(join(dirname(file), link)))
    .map((link) => `${file}: the link "${link}" leads nowhere`);
}

interface LimitRow {
  readonly name: string;
  readonly value: number | undefined;
  readonly where: string;
}

/** Rows of the tables of the limits document. */
export function limitRows(text: string): LimitRow[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const name = /^`([\w.]+)`$/.exec(cells[1] ?? '')?.[1];
    const where = /^`([^`]+)`$/.exec(cells.at(-2) ?? '')?.[1];
    if (name === undefined || where === undefined) return [];
    const value = Number((cells[2] ?? '').replace(/,/g, ''));
    return [{ name, value: Number.isNaN(value) ? undefined : value, where }];
  });
}

function checkRow({ name, value, where }: LimitRow): string[] {
  if (!existsSync(where)) return [`${LIMITS}: ${name}: "${where}" does not exist`];
  const field = name.split('.').at(-1) ?? name;
  const source = readFileSync(where, 'utf8');
  if (!new RegExp(`\\b${field}\\b`).test(source)) {
    return [`${LIMITS}: ${name} is not in "${where}"`];
  }
  const written = new RegExp(`\\b${field}\\b\\s*(?::\\s*number\\s*)?[:=]\\s*([^;,]+)[;,]`).exec(
    source,
  );
  const actual = productOf(written?.[1] ?? '');
  if (actual === undefined || value === undefined || actual === value) return [];
  return [`${LIMITS}: ${name} is ${actual} in "${where}", not ${value}`];
}

function checkLimits(): string[] {
  const rows = limitRows(readFileSync(LIMITS, 'utf8'));
  const repeated = rows.filter(
    ({ name, where }, index) =>
      rows.findIndex((row) => row.name === name && row.where === where) !== index,
  );
  const listed = new Set(rows.map(({ name }) => name));
  const missing = listFiles('packages/*/src/*.ts').flatMap((file) => {
    if (/\.(test|conformance)\.ts$|^packages\/testkit\//.test(file)) return [];
    return [...readFileSync(file, 'utf8').matchAll(MAXIMUM)]
      .filter(([, name]) => !listed.has(name ?? ''))
      .map(([, name, value]) => `${LIMITS}: ${name} (${value}, "${file}") has no row`);
  });
  const twice = repeated.map(({ name }) => `${LIMITS}: ${name} has more than one row`);
  return [...rows.flatMap(checkRow), ...twice, ...missing];
}

/** Compiles the TypeScript of the README as if it lay in `scripts/`. */
function checkReadme(): string[] {
  const blocks = [...readFileSync('README.md', 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)];
  const name = join(repositoryRoot(), 'scripts', 'readme-tour.ts');
  const source = `${blocks.map(([, code]) => code).join('\n')}\nexport {};\n`;
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => file === name || fileExists(file);
  host.readFile = (file) => (file === name ? source : readFile(file));
  host.getSourceFile = (file, ...rest) =>
    file === name
      ? ts.createSourceFile(file, source, ts.ScriptTarget.ES2023)
      : getSourceFile(file, ...rest);
  const program = ts.createProgram([name], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => `README.md: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

function main(args: readonly string[]): number {
  if (args.length > 0) {
    process.stderr.write(`Cannot check documents: arguments "${args.join(' ')}", expected none\n`);
    return 2;
  }
  process.chdir(repositoryRoot());
  const documents = listFiles('*.md');
  const findings = [...documents.flatMap(checkLinks), ...checkLimits(), ...checkReadme()];
  for (const finding of findings) process.stdout.write(`${finding}\n`);
  process.stdout.write(`docs: ${documents.length} documents, ${findings.length} findings\n`);
  return findings.length === 0 ? 0 : 1;
}

if (import.meta.filename === process.argv[1]) process.exitCode = main(process.argv.slice(2));
