/** Listings: the entries of a directory, one path, or the roots. */
import fs from 'node:fs';
import {
  CommandError,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  FILETYPE_ROOT,
  FILETYPE_SYMLINK,
  type FileEntry,
} from '@jetstream/contract';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { errnoOf } from '../adapters/disk/disk-error.js';
import { formatSandboxPath } from '../sandboxes/sandbox-path.js';
import { AccessProbe } from './access-probe.js';
import { EntryOutput } from './entry-output.js';
import type {
  FileTask,
  FileTaskResult,
  ListPathsTask,
  ListTask,
  Place,
  Steps,
} from './file-task.js';
import { JsonSink } from './json-sink.js';
import type { TaskWork } from './task-work.js';

/** Sockets, pipes and devices: listed, but nothing that can be sent. */
const FILETYPE_OTHER = 0;
const NS_PER_US = 1000n;
const { O_NOFOLLOW, O_RDONLY } = fs.constants;

const typeOf = (status: fs.BigIntStats): number => {
  if (status.isFile()) return FILETYPE_REGULAR_FILE;
  if (status.isDirectory()) return FILETYPE_DIRECTORY;
  return status.isSymbolicLink() ? FILETYPE_SYMLINK : FILETYPE_OTHER;
};

/** Microseconds, rounded down also before 1970. */
const microseconds = (ns: bigint): number =>
  Number((ns - (((ns % NS_PER_US) + NS_PER_US) % NS_PER_US)) / NS_PER_US);

const describe = (name: string, status: fs.BigIntStats, access: number): FileEntry => {
  const mtimeus = microseconds(status.mtimeNs);
  return {
    name,
    type: typeOf(status),
    size: status.isFile() ? Number(status.size) : 0,
    mtime: Math.floor(mtimeus / 1_000_000),
    mtimeus,
    access,
    hash: '',
  };
};

/** Adds the entries of one directory to a listing. */
class EntryWriter {
  readonly #directory: ConfinedRoot;
  readonly #probe: AccessProbe;
  readonly #output: EntryOutput;
  #isFirst = true;

  constructor(directory: ConfinedRoot, output: EntryOutput) {
    this.#directory = directory;
    this.#probe = new AccessProbe(directory);
    this.#output = output;
  }

  *write(name: string): Steps<void> {
    const status = this.#directory.lstat([name]);
    const entry = describe(name, status, this.#probe.bits(name, status));
    const fd = this.#output.hashes && status.isFile() ? this.#openFile(name) : null;
    const separator = this.#isFirst ? '' : ',';
    this.#isFirst = false;
    yield* this.#output.addEntry(separator, entry, fd);
  }

  /** Null for a file that cannot be read: the rest of the listing is still worth something. */
  #openFile(name: string): number | null {
    try {
      const fd = this.#directory.openFile([name], O_RDONLY | O_NOFOLLOW);
      if (fs.fstatSync(fd).isFile()) return fd;
      // Swapped for something else meanwhile.
      fs.closeSync(fd);
      return null;
    } catch (error) {
      if (error instanceof CommandError) return null;
      throw error;
    }
  }
}

const isGone = (error: unknown): boolean => errnoOf(error) === 'ENOENT';

function* listEntries(directory: ConfinedRoot, writer: EntryWriter): Steps<void> {
  for (const { name } of directory.readDirectory([])) {
    try {
      yield* writer.write(name);
    } catch (error) {
      // Removed between the reading of its name and the look at it.
      if (!isGone(error)) throw error;
    }
  }
}

/** The directory to list, or null when the place is to be described by itself. */
const openListed = (root: ConfinedRoot, place: Place, asItself: boolean): ConfinedRoot | null => {
  const { components } = place;
  const status = root.lstat(components);
  if (asItself || !(status.isDirectory() || status.isSymbolicLink())) return null;
  try {
    return root.within(components);
  } catch (error) {
    // A link that leads nowhere, to a file, or out of the root is described as a link.
    if (status.isSymbolicLink() && error instanceof CommandError) return null;
    throw error;
  }
};

const openTag = (path: string): string => `{"path":${JSON.stringify(path)},"files":[`;

/** Text of a path, made from validated names. */
const textOf = (place: Place, components: readonly string[]): string =>
  formatSandboxPath({ rootName: place.rootName, components });

/** Adds the listing of one place. */
function* listPlace(place: Place, asItself: boolean, output: EntryOutput): Steps<void> {
  const root = ConfinedRoot.open(place.root);
  let directory: ConfinedRoot | null = null;
  try {
    directory = openListed(root, place, asItself);
    const name = place.components.at(-1);
    if (directory !== null) {
      output.addText(openTag(textOf(place, place.components)));
      yield* listEntries(directory, new EntryWriter(directory, output));
    } else if (name === undefined) {
      const status = root.lstat([]);
      output.addText(openTag(textOf(place, [])));
      const entry = describe('', status, new AccessProbe(root).bits(null, status));
      yield* output.addEntry('', entry, null);
    } else {
      directory = root.within(place.components.slice(0, -1));
      output.addText(openTag(textOf(place, place.components.slice(0, -1))));
      yield* new EntryWriter(directory, output).write(name);
    }
    output.addText(']}');
  } finally {
    directory?.close();
    root.close();
  }
}

/** JSON of one listing, or of a list of them. */
export function* list(task: ListTask | ListPathsTask, work: TaskWork): Steps<FileTaskResult> {
  const sink = new JsonSink(task.draftPath);
  const { report, hashPool: pool } = work;
  const output = new EntryOutput({ sink, hash: task.hash, pool, report });
  try {
    if (task.kind === 'list') {
      yield* listPlace(task.place, task.directory, output);
    } else {
      for (const [at, place] of task.places.entries()) {
        output.addText(at === 0 ? '[' : ',');
        yield* listPlace(place, task.directory, output);
      }
      output.addText(task.places.length === 0 ? '[]' : ']');
    }
    yield* output.finish();
    return sink.finish();
  } finally {
    output.discard();
    sink.discard();
  }
}

/** JSON of the listing of the roots; a root whose directory is missing is left out. */
export function* listRoots(task: Extract<FileTask, { kind: 'roots' }>): Steps<FileTaskResult> {
  const files: FileEntry[] = [];
  for (const [name, directory] of task.roots) {
    yield;
    let root: ConfinedRoot;
    try {
      root = ConfinedRoot.open(directory);
    } catch (error) {
      if (error instanceof CommandError) continue;
      throw error;
    }
    try {
      const status = root.lstat([]);
      const access = new AccessProbe(root).bits(null, status);
      const entry = describe(name === '' ? '/' : name, status, access);
      files.push({ ...entry, type: FILETYPE_ROOT });
    } finally {
      root.close();
    }
  }
  return { kind: 'text', text: JSON.stringify({ path: '', files }) };
}
