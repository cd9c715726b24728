/**
 * Checks what neither biome nor eslint nor the architecture check sees: file sizes, names, the
 * purity of `contract` and `transport`, who reads the environment, undocumented functions, and words
 * that mark unfinished work.
 *
 * Usage: node scripts/dist/check-style.js [--list]
 *
 * Prints one line per finding (`file:line rule: text`) and exits 1 when there is any. `--list`
 * prints the sizes of the files in place of checking. Refuses any other argument.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import ts from 'typescript';

/** Lines after which a file is too long to be read in one sitting. */
const FILE_LINES_MAX = 400;

/** Tables, and files that were too long when the rule came; the number only ever goes down. */
const FILE_LINES_ALLOWED: Readonly<Record<string, number>> = {
  'packages/server/src/data/worker/outgoing-link.ts': 404,
  'packages/server/src/destinations/destination-service.ts': 422,
  'packages/server/src/events/event-names.ts': 418,
  'packages/server/src/storage/local-target.ts': 410,
  'packages/server/src/storage/target.test.ts': 416,
  'packages/transport/src/endpoint.ts': 471,
};

const PURE = /^packages\/(contract|transport)\/src\//;
const TEST = /(\.test|\.conformance)\.ts$/;
const DOCUMENTED = /^packages\/(contract|udp|client)\/src\//;

/** Files that may read `process.env`: the composition roots and what finds the user's files. */
const ENVIRONMENT_READERS = [
  /^packages\/server\/src\/(main|adapters\/.*)\.ts$/,
  /^packages\/cli\/src\//,
  /^packages\/client\/src\/known-servers\.ts$/,
  /^(scripts|tests|bench)\//,
];

const IMPURE_GLOBALS = new Set([
  'Date',
  'performance',
  'process',
  'console',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'queueMicrotask',
  'fetch',
]);

const NAMES_BANNED = /(^|[a-z0-9]|-)(manager|helper|util|utils|common|misc)($|[A-Z-])/i;
const WORDS_BANNED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);
const UNFINISHED = new RegExp(`not ${'implemented'}`, 'i');

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly text: string;
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

function listFiles(): string[] {
  const output = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', '*.ts', '*.tsx'],
    { encoding: 'utf8', maxBuffer: 64 << 20 },
  );
  return output.split('\0').filter((file) => file !== '' && existsSync(file));
}

function lineOf(source: Source, node: ts.Node): number {
  return source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1;
}

function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function checkFile(source: Source): Finding[] {
  const { file, text } = source;
  const findings: Finding[] = [];
  const lines = lineCount(text);
  const allowed = FILE_LINES_ALLOWED[file] ?? FILE_LINES_MAX;
  if (lines > allowed) {
    const rule = 'file-size';
    findings.push({ file, line: allowed, rule, text: `${lines} lines, at most ${allowed}` });
  }
  const name = basename(file).replace(/\.(test|conformance|d|config)?\.?tsx?$/, '');
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) {
    findings.push({ file, line: 1, rule: 'file-name', text: `"${name}" is not kebab-case` });
  }
  if (NAMES_BANNED.test(name)) {
    findings.push({ file, line: 1, rule: 'file-name', text: `"${name}" says nothing` });
  }
  text.split('\n').forEach((content, index) => {
    if (WORDS_BANNED.test(content) || UNFINISHED.test(content)) {
      findings.push({ file, line: index + 1, rule: 'unfinished', text: content.trim() });
    }
  });
  return findings;
}

/** Whether an identifier stands for a value of its own, not for a property or a declared name. */
function isFreeReference(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)) {
    return parent.name !== node;
  }
  if (ts.isQualifiedName(parent) || ts.isTypeReferenceNode(parent)) return false;
  return !(ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent) || isNameOf(node));
}

function isNameOf(node: ts.Identifier): boolean {
  const parent = node.parent as ts.Node & { readonly name?: ts.Node };
  return parent.name === node;
}

function checkIdentifier(source: Source, node: ts.Identifier): Finding | undefined {
  const { file } = source;
  const at = { file, line: lineOf(source, node) };
  if (PURE.test(file) && !TEST.test(file)) {
    if (IMPURE_GLOBALS.has(node.text) && isFreeReference(node)) {
      return { ...at, rule: 'pure', text: `${node.text} must come in as an argument` };
    }
    if (node.text === 'random' && node.parent.getText(source.tree) === 'Math.random') {
      return { ...at, rule: 'pure', text: 'randomness must come in as an argument' };
    }
  }
  if (node.text === 'env' && node.parent.getText(source.tree) === 'process.env') {
    if (!TEST.test(file) && !ENVIRONMENT_READERS.some((pattern) => pattern.test(file))) {
      return { ...at, rule: 'environment', text: 'process.env is read by main and adapters only' };
    }
  }
  if (isNameOf(node) && ts.isSourceFile(node.parent.parent) && NAMES_BANNED.test(node.text)) {
    return { ...at, rule: 'name', text: `"${node.text}" says nothing` };
  }
  return undefined;
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

/** Whether a reader needs words to use it: not for plain values, nor where every member has them. */
function needsDocumentation(statement: ts.Statement, tree: ts.SourceFile): boolean {
  if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) return true;
  if (ts.isInterfaceDeclaration(statement)) return !statement.getFullText(tree).includes('/**');
  if (!ts.isVariableStatement(statement)) return false;
  return statement.declarationList.declarations.some(
    ({ initializer }) => initializer !== undefined && ts.isArrowFunction(initializer),
  );
}

function checkDocumentation(source: Source): Finding[] {
  const { file, tree } = source;
  if (!DOCUMENTED.test(file) || TEST.test(file)) return [];
  const findings: Finding[] = [];
  for (const statement of tree.statements) {
    if (!isExported(statement) || ts.getJSDocCommentsAndTags(statement).length > 0) continue;
    if (!needsDocumentation(statement, tree)) continue;
    const text = statement.getText(tree).split('\n')[0] ?? '';
    findings.push({ file, line: lineOf(source, statement), rule: 'undocumented', text });
  }
  return findings;
}

function checkTree(source: Source): Finding[] {
  const findings = checkDocumentation(source);
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const finding = checkIdentifier(source, node);
      if (finding !== undefined) findings.push(finding);
    }
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return findings;
}

function readSource(file: string): Source {
  const text = readFileSync(file, 'utf8');
  return { file, text, tree: ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true) };
}

function main(args: readonly string[]): number {
  if (args.length > 1 || (args.length === 1 && args[0] !== '--list')) {
    process.stderr.write(`Cannot check style: arguments "${args.join(' ')}", expected --list\n`);
    return 2;
  }
  const sources = listFiles().map(readSource);
  if (args[0] === '--list') {
    const sized = sources.map(({ file, text }) => ({ file, lines: lineCount(text) }));
    sized.sort((a, b) => b.lines - a.lines);
    for (const { file, lines } of sized) process.stdout.write(`${lines}\t${file}\n`);
    return 0;
  }
  const findings = sources.flatMap((source) => [...checkFile(source), ...checkTree(source)]);
  for (const { file, line, rule, text } of findings) {
    process.stdout.write(`${file}:${line} ${rule}: ${text}\n`);
  }
  process.stdout.write(`style: ${sources.length} files, ${findings.length} findings\n`);
  return findings.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
