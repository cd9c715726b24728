/**
 * Makes a directory tree with everything that real trees have and transfers get wrong, and
 * compares two trees by names, kinds, sizes and digests, with nothing of JetStream's own code.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

/** What a sample tree holds. */
export interface SampleTreeOptions {
  /** Size of the one big file, in bytes. */
  readonly bigFileBytes: number;
  /** Number of small files, spread over directories of 100. */
  readonly smallFileCount: number;
}

/** Names that break programs which quote, split, normalise or cut them. */
export const ODD_NAMES: readonly string[] = [
  'line\nbreak.txt',
  '  spaces around  ',
  '-rf',
  '--help',
  '.hidden',
  '...',
  'trailing dot.',
  'trailing space ',
  'tab\tand\rreturn',
  'quote\'s "double" `back`',
  'back\\slash\\n',
  'percent%2e%2e%2fescape',
  '$HOME;$(echo hi)&|<>*?[]{}!#~',
  'colon:and::colons',
  'umlaut-äöü-é',
  'decomposed-e\u0301',
  '日本語のファイル',
  'العربية',
  'emoji-🚀👩‍👩‍👧',
  'con.aux.nul',
  'bell\u0007',
  `long-${'n'.repeat(195)}`,
  `${'ü'.repeat(100)}`,
];

/** A name that is not valid UTF-8. */
const RAW_NAME = Buffer.from([0x72, 0x61, 0x77, 0xff, 0xfe, 0x80, 0xc3]);

const SMALL_PER_DIRECTORY = 100;
const CHUNK_BYTES = 1 << 20;

/** Writes incompressible bytes that follow from the seed alone. */
export async function writeRandomFile(path: string, bytes: number, seed: number): Promise<void> {
  const key = createHash('sha256').update(`sample ${seed}`).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, bytes));
  const file = createWriteStream(path, { flags: 'wx' });
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
    const chunk = cipher.update(zeros.subarray(0, Math.min(left, CHUNK_BYTES)));
    if (!file.write(chunk)) await once(file, 'drain');
  }
  file.end();
  await finished(file);
}

/**
 * Makes the tree below `root`: a big file, small files, nested and oddly named ones, an empty file
 * and an empty directory.
 */
export async function makeSampleTree(root: string, options: SampleTreeOptions): Promise<void> {
  await mkdir(root, { recursive: true });
  await writeRandomFile(join(root, 'big.bin'), options.bigFileBytes, 1);
  for (let index = 0; index < options.smallFileCount; index += 1) {
    const folder = join(root, 'small', `d${Math.floor(index / SMALL_PER_DIRECTORY)}`);
    if (index % SMALL_PER_DIRECTORY === 0) await mkdir(folder, { recursive: true });
    const text = `file ${index}\n`.repeat(1 + ((index * 37) % 400));
    await writeFile(join(folder, `f${index}.txt`), text);
  }
  const odd = join(root, 'odd names');
  await mkdir(odd);
  for (const name of ODD_NAMES) await writeFile(join(odd, name), `content of ${name}`);
  await writeFile(below(Buffer.from(odd), RAW_NAME), 'a name that is no text');
  let deep = join(root, 'deep');
  for (let level = 0; level < 30; level += 1) deep = join(deep, `level ${level}`);
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'bottom.txt'), 'thirty levels down');
  await mkdir(join(root, 'nested\nodd', '-dash', '🚀'), { recursive: true });
  await writeFile(join(root, 'nested\nodd', '-dash', '🚀', 'x'), Buffer.from([0, 255, 10, 13]));
  await writeFile(join(root, 'empty-file'), '');
  await mkdir(join(root, 'empty-directory'));
}

/** One item of a tree: what must be equal at both ends. */
export interface TreeItem {
  readonly kind: 'file' | 'directory' | 'other';
  readonly bytes: number;
  /** SHA-256 of a file's content; empty for the rest. */
  readonly digest: string;
}

async function digestFile(path: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

/** A path below another one, in bytes, because a name need not be text. */
function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}

/**
 * Reads a tree: each path relative to the root, with what is there. Bytes of a path are the
 * characters U+0000 to U+00FF of its key, so that no two names share one.
 */
export async function readTree(root: string): Promise<Map<string, TreeItem>> {
  const items = new Map<string, TreeItem>();
  const rootBytes = Buffer.from(root);
  const visit = async (directory: Buffer): Promise<void> => {
    for (const name of await readdir(directory, { encoding: 'buffer' })) {
      const path = below(directory, name);
      const key = path.toString('latin1', rootBytes.length + 1);
      const status = await lstat(path);
      if (status.isDirectory()) {
        items.set(key, { kind: 'directory', bytes: 0, digest: '' });
        await visit(path);
      } else if (status.isFile()) {
        items.set(key, { kind: 'file', bytes: status.size, digest: await digestFile(path) });
      } else {
        items.set(key, { kind: 'other', bytes: 0, digest: '' });
      }
    }
  };
  await visit(rootBytes);
  return items;
}

/** A key of {@link readTree} as a reader knows it. */
function shown(key: string): string {
  return JSON.stringify(Buffer.from(key, 'latin1').toString('utf8'));
}

/** What two trees have not in common, one line each; empty when they are equal. */
export function differences(
  source: ReadonlyMap<string, TreeItem>,
  target: ReadonlyMap<string, TreeItem>,
): string[] {
  const found: string[] = [];
  for (const [path, item] of source) {
    const other = target.get(path);
    const name = shown(path);
    if (other === undefined) found.push(`${name} is missing at the receiver`);
    else if (other.kind !== item.kind) found.push(`${name} is a ${other.kind}, not a ${item.kind}`);
    else if (other.bytes !== item.bytes) {
      found.push(`${name} has ${other.bytes} bytes, not ${item.bytes}`);
    } else if (other.digest !== item.digest) found.push(`${name} has another content`);
  }
  for (const path of target.keys()) {
    if (!source.has(path)) found.push(`${shown(path)} is at the receiver only`);
  }
  return found;
}
