import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ManifestEntry } from '../../storage/list-format.js';
import { ManifestListWriter } from '../../storage/manifest-list.js';
import { ManifestList } from '../../storage/manifest-list-reader.js';
import { SourceFiles } from '../../storage/source-files.js';
import { Archive, planArchive } from './archive.js';

const CHUNK_BYTES = 256 * 1024;
const MTIME_SECONDS = 1_700_000_000;
/** CRC-32 of 2^32 + 5 zeros. */
const CRC_OF_ZEROS = 2_982_322_595;

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'archive-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const make = (name: string, content: string | { sparse: number }): ManifestEntry => {
  const path = join(dir, 'in', name);
  fs.mkdirSync(join(path, '..'), { recursive: true });
  fs.writeFileSync(path, typeof content === 'string' ? content : '');
  if (typeof content !== 'string') fs.truncateSync(path, content.sparse);
  fs.utimesSync(path, MTIME_SECONDS, MTIME_SECONDS);
  const { size } = fs.statSync(path);
  return {
    kind: 'file',
    root: 0,
    source: `in/${name}`,
    destPath: `/${name}`,
    size,
    mtimeus: MTIME_SECONDS * 1e6,
    mode: 0o4755,
  };
};

/** Writes an archive of entries and returns its path; zeros in the middle of files become holes. */
const archiveOf = (entries: Iterable<ManifestEntry>): string => {
  const listPath = join(dir, 'list');
  const writer = ManifestListWriter.create(listPath, [dir]);
  for (const entry of entries) writer.append(entry);
  writer.finish();
  const list = ManifestList.open(listPath);
  const files = new SourceFiles(list);
  const plan = planArchive(list, () => undefined);
  let step = plan.next();
  while (step.done !== true) step = plan.next();
  const { bytes, entries: count } = step.value;
  const archive = new Archive(list, files, { entries: count, chunkBytes: CHUNK_BYTES });
  const target = join(dir, 'out.zip');
  const fd = fs.openSync(target, 'w');
  const zeros = Buffer.alloc(CHUNK_BYTES);
  let at = 0;
  for (const chunk of archive.chunks()) {
    if (!zeros.subarray(0, chunk.length).equals(chunk))
      fs.writeSync(fd, chunk, 0, chunk.length, at);
    at += chunk.length;
  }
  fs.closeSync(fd);
  files.close();
  list.close();
  expect(at, 'the length that was told before').toBe(bytes);
  return target;
};

/** What Python's zipfile finds: name, size and mode of each entry; contents are checked. */
const read = (path: string, check = true): [string, number, number][] => {
  const script = `import json,sys,zipfile
z=zipfile.ZipFile(sys.argv[1])
bad=z.testzip() if ${check ? 'True' : 'False'} else None
assert bad is None, bad
print(json.dumps([[i.filename,i.file_size,i.external_attr>>16] for i in z.infolist()]))`;
  const options = { encoding: 'utf8', maxBuffer: 64 << 20 } as const;
  return JSON.parse(execFileSync('python3', ['-c', script, path], options)) as [
    string,
    number,
    number,
  ][];
};

it('holds what another program reads: contents, names, directories, modes without setuid', () => {
  const directory = { kind: 'directory', size: 0, mode: 0o755, root: 0, source: 'in/e' } as const;
  const long = 'x'.repeat(1_000_000);
  const path = archiveOf([
    make('empty', ''),
    make('naïve – ü.txt', 'hello'),
    make('a/long.bin', long),
    { ...directory, destPath: '/a/hollow', mtimeus: 1e15 },
    { ...make('link', ''), kind: 'link' },
    make('back\\slash', 'b'),
  ]);
  expect(read(path)).toEqual([
    ['empty', 0, 0o100755],
    ['naïve – ü.txt', 5, 0o100755],
    ['a/long.bin', 1_000_000, 0o100755],
    ['a/hollow/', 0, 0o040755],
    ['back_slash~5', 1, 0o100755],
  ]);
  const script =
    'import sys,zipfile;print(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())';
  const content = execFileSync('python3', ['-c', script, path, 'naïve – ü.txt']);
  expect(content.toString()).toBe('hello\n');
});

it('holds more entries than the old form can count', { timeout: 120_000 }, () => {
  const one = make('one', '');
  const count = 66_000;
  const entries = function* (): Generator<ManifestEntry> {
    for (let number = 0; number < count; number += 1) {
      // Files only at the start: directories need not be opened, and count all the same.
      yield { ...one, kind: number < 500 ? 'file' : 'directory', destPath: `/n${number}` };
    }
  };
  expect(read(archiveOf(entries()))).toHaveLength(count);
});

it('holds a file longer than 4 GiB, and one that begins behind it', { timeout: 120_000 }, () => {
  const path = archiveOf([make('long', { sparse: 2 ** 32 + 5 }), make('behind', 'hello')]);
  const sizes = read(path, false).map(([, size]) => size);
  expect(sizes).toEqual([2 ** 32 + 5, 5]);
  const script = `import sys,zipfile
z=zipfile.ZipFile(sys.argv[1])
assert z.read('behind')==b'hello'
f=z.open('long'); f.read(10); print(z.getinfo('long').CRC)`;
  const crc = execFileSync('python3', ['-c', script, path], { encoding: 'utf8' });
  expect(Number(crc)).toBe(CRC_OF_ZEROS);
});

it('breaks off when a file is not what the manifest says', () => {
  const fine = make('fine', 'x');
  const other = make('other', 'y');
  fs.writeFileSync(join(dir, 'in', 'other'), 'longer');
  expect(() => archiveOf([fine, other])).toThrow(
    expect.objectContaining({ code: 'source_changed', details: { destPath: '/other' } }),
  );
});
