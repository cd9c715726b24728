/**
 * Walks the sources of a manifest and lists every file and every empty directory. It works in
 * steps, so that one thread serves many scans, and holds one open directory at a time and no list
 * of files, so that memory does not grow with the number of files.
 *
 * Symbolic links are followed inside the root, kept as links, or ignored. A link that leads out is
 * left out with a note, as is one that is followed and leads nowhere or back to a directory that is
 * being walked, and as are sockets, pipes and devices. A directory that cannot be read ends the scan:
 * a manifest never lacks files without a word.
 */
import {
  CommandError,
  pathBytesFromText,
  SYMLINK_IGNORE,
  SYMLINK_PRESERVE,
} from '@jetstream/contract';
import { diskError, errnoOf } from '../adapters/disk/disk-error.js';
import { PATH_BYTES_MAX } from '../sandboxes/sandbox-path.js';
import { linkFault } from '../storage/link-rules.js';
import { type Mapping, targetsMayMeet } from './mappings.js';
import { type FilterPatterns, type PathFilter, pathFilter } from './path-filter.js';
import type { FileStatus, ScanRoot } from './scan-root.js';
import { type KnownEntries, TargetIndex } from './target-index.js';

/** Most entries of one manifest. */
export const MANIFEST_ENTRIES_MAX = 10_000_000;
/** Most notes about left-out files that are kept; all are counted. */
export const SCAN_NOTES_MAX = 100;
/** Entries looked at between two steps. */
const STEP_ENTRIES = 256;

/** What a scan is asked to do; plain data, it crosses a thread border. */
export interface ScanRequest {
  readonly mappings: readonly Mapping[];
  /** `SYMLINK_FOLLOW`, `SYMLINK_IGNORE` or `SYMLINK_PRESERVE`. */
  readonly symlinks: number;
  /** What is taken of the directories; all when absent. */
  readonly patterns?: FilterPatterns;
}

/** One line of the file list. */
export interface ScanEntry {
  readonly kind: 'file' | 'directory' | 'link';
  /** Absolute directory that reading must not leave. */
  readonly root: string;
  /** The source below the root. */
  readonly components: readonly string[];
  /** Target path below the destination path of the transfer, as API text that starts with `/`. */
  readonly destPath: string;
  /** Bytes; 0 for directories. */
  readonly size: number;
  readonly mtimeus: number;
  /** Permission bits. */
  readonly mode: number;
  /** Text of a link. */
  readonly link?: string;
}

/** Something that is not in the manifest, and why. */
export interface ScanNote {
  readonly path: string;
  readonly reason: string;
}

/** Sums of a scan. */
export interface ScanTotals {
  /** Files and empty directories. */
  totalFiles: number;
  totalBytes: number;
  /** Files, links and special files that were left out. */
  skippedCount: number;
  /** The first {@link SCAN_NOTES_MAX} of them. */
  readonly notes: ScanNote[];
}

/** Where a scan gets its roots from and puts its entries to. */
export interface ScanPorts {
  openRoot(absoluteDirectory: string): ScanRoot;
  add(entry: ScanEntry): void;
  /** What was listed before a restart; it stays as it is. */
  readonly known?: KnownEntries | null;
}

/** A directory that is being walked or still to be walked; names are linked to stay small. */
interface Frame {
  readonly mapping: Mapping;
  readonly parent: Frame | null;
  readonly name: string;
  /** Device and inode, known once the walk has come there. */
  identity: string;
}

/** One name that the scan has come to: a source and the target that it is mapped to. */
interface Place {
  readonly mapping: Mapping;
  /** Names below the source of the mapping. */
  readonly names: readonly string[];
}

const identityOf = (status: FileStatus): string => `${status.dev}:${status.ino}`;

const namesOf = (frame: Frame): string[] => {
  const names: string[] = [];
  for (let at: Frame | null = frame; at !== null && at.parent !== null; at = at.parent) {
    names.push(at.name);
  }
  return names.reverse();
};

const componentsOf = ({ mapping, names }: Place): string[] => [...mapping.source, ...names];

/** The source as the user would write it. */
const textOf = ({ mapping, names }: Place): string => {
  if (names.length === 0) return mapping.sourceText;
  const base = mapping.source.length === 0 ? mapping.sourceText.slice(0, -1) : mapping.sourceText;
  return `${base}/${names.join('/')}`;
};

/** An error of the disk side, told again with the path that the user knows. */
const renamed = (action: string, text: string, error: unknown): CommandError =>
  diskError(action, text, error instanceof CommandError ? (error.cause ?? error) : error);

const specialKind = (status: FileStatus): string => {
  if (status.isSocket()) return 'a socket';
  return status.isFIFO() ? 'a named pipe' : 'a device';
};

/** One scan; {@link scanMappings} drives it. */
class Scan {
  readonly #request: ScanRequest;
  readonly #ports: ScanPorts;
  readonly #targets: TargetIndex | null;
  readonly #filter: PathFilter;
  readonly #roots = new Map<string, ScanRoot>();
  readonly #pending: Frame[] = [];
  readonly #totals: ScanTotals;

  constructor(request: ScanRequest, ports: ScanPorts) {
    this.#request = request;
    this.#ports = ports;
    const { known = null } = ports;
    const mayMeet = targetsMayMeet(request.mappings);
    this.#targets = known?.targets ?? (mayMeet ? new TargetIndex() : null);
    const [totalFiles, totalBytes] = [known?.entries ?? 0, known?.bytes ?? 0];
    this.#totals = { totalFiles, totalBytes, skippedCount: 0, notes: [] };
    this.#filter = pathFilter(request.patterns ?? { include: [], exclude: [] });
  }

  *run(): Generator<void, ScanTotals> {
    try {
      for (const mapping of this.#request.mappings) {
        this.#start(mapping);
        yield;
        for (let frame = this.#pending.pop(); frame !== undefined; frame = this.#pending.pop()) {
          yield* this.#walk(frame);
        }
      }
      return this.#totals;
    } finally {
      for (const root of this.#roots.values()) root.close();
    }
  }

  #rootOf(mapping: Mapping): ScanRoot {
    const known = this.#roots.get(mapping.root);
    if (known !== undefined) return known;
    const root = this.#ports.openRoot(mapping.root);
    this.#roots.set(mapping.root, root);
    return root;
  }

  /** Looks at the source that the user has named. */
  #start(mapping: Mapping): void {
    const place: Place = { mapping, names: [] };
    const text = textOf(place);
    let status: FileStatus;
    try {
      const root = this.#rootOf(mapping);
      status = root.lstat(mapping.source);
      if (status.isSymbolicLink() && this.#request.symlinks === SYMLINK_PRESERVE) {
        this.#addLink(place, status);
        return;
      }
      if (status.isSymbolicLink() && this.#request.symlinks !== SYMLINK_IGNORE) {
        status = root.stat(mapping.source);
      }
    } catch (error) {
      throw renamed('read the source', text, error);
    }
    if (status.isDirectory()) {
      this.#pending.push({ mapping, parent: null, name: '', identity: identityOf(status) });
    } else if (status.isFile()) {
      this.#addFile(place, status);
    } else {
      const actual = status.isSymbolicLink() ? 'a symbolic link' : specialKind(status);
      throw new CommandError(
        'path_invalid',
        `Cannot read the source ${JSON.stringify(text)}: it is ${actual}, expected a file or directory`,
      );
    }
  }

  *#walk(frame: Frame): Generator<void, void> {
    const place: Place = { mapping: frame.mapping, names: namesOf(frame) };
    const directory = this.#openDirectory(place);
    try {
      const status = directory.lstat([]);
      frame.identity = identityOf(status);
      let taken = 0;
      let seen = 0;
      for (const name of namesIn(directory, textOf(place))) {
        const inside = { mapping: place.mapping, names: [...place.names, name] };
        if (this.#visit(frame, directory, inside)) taken += 1;
        seen += 1;
        if (seen % STEP_ENTRIES === 0) yield;
      }
      if (taken === 0 && this.#filter.takes(place.names)) this.#addDirectory(place, status);
    } finally {
      directory.close();
    }
    yield;
  }

  #openDirectory(place: Place): ScanRoot {
    try {
      return this.#rootOf(place.mapping).within(componentsOf(place));
    } catch (error) {
      throw renamed('list', textOf(place), error);
    }
  }

  /** Takes one name of a directory; false when it is left out. */
  #visit(frame: Frame, directory: ScanRoot, place: Place): boolean {
    const name = place.names.at(-1) ?? '';
    let status: FileStatus | null;
    try {
      status = directory.lstat([name]);
    } catch (error) {
      // Removed while the directory was being read.
      if (errnoOf(error) === 'ENOENT') return false;
      throw renamed('examine', textOf(place), error);
    }
    const isLink = status.isSymbolicLink();
    if (isLink && this.#request.symlinks === SYMLINK_PRESERVE) {
      return this.#filter.takes(place.names) && this.#addLink(place, status);
    }
    if (isLink) status = this.#follow(frame, place);
    if (status === null) return false;
    if (status.isDirectory()) {
      if (!this.#filter.enters(place.names)) return false;
      this.#pending.push({ mapping: place.mapping, parent: frame, name, identity: '' });
    } else if (status.isFile()) {
      if (!this.#filter.takes(place.names)) return false;
      this.#addFile(place, status);
    } else {
      if (this.#filter.takes(place.names)) this.#skip(place, `it is ${specialKind(status)}`);
      return false;
    }
    return true;
  }

  /** What a link leads to; null when the link is left out. */
  #follow(frame: Frame, place: Place): FileStatus | null {
    if (this.#request.symlinks === SYMLINK_IGNORE) {
      return this.#skip(place, 'it is a symbolic link, and links are ignored');
    }
    let status: FileStatus;
    try {
      status = this.#rootOf(place.mapping).stat(componentsOf(place));
    } catch (error) {
      const reason = LINK_REASONS[errnoOf(error)];
      if (reason === undefined) throw renamed('follow', textOf(place), error);
      return this.#skip(place, reason);
    }
    if (status.isSymbolicLink()) {
      return this.#skip(place, 'it is a symbolic link, and following it needs the native addon');
    }
    if (!status.isDirectory()) return status;
    const identity = identityOf(status);
    for (let at: Frame | null = frame; at !== null; at = at.parent) {
      if (at.identity !== identity) continue;
      return this.#skip(place, 'it is a symbolic link to a directory that contains it');
    }
    return status;
  }

  #addFile(place: Place, status: FileStatus): void {
    const destPath = namedTargetOf(place);
    if (this.#targets?.takeKnown(destPath) === true) return;
    this.#targets?.addFile(destPath);
    this.#add(place, { kind: 'file', destPath, size: Number(status.size) }, status);
  }

  /** Takes a link as it is; false when it is left out. */
  #addLink(place: Place, status: FileStatus): boolean {
    const components = componentsOf(place);
    let link: string;
    try {
      link = this.#rootOf(place.mapping).readLink(components);
    } catch (error) {
      throw renamed('read the link', textOf(place), error);
    }
    const fault = linkFault(link, components.length - 1);
    if (fault !== null) {
      this.#skip(place, `it is a symbolic link, and ${fault}`);
      return false;
    }
    const destPath = namedTargetOf(place);
    if (this.#targets?.takeKnown(destPath) === true) return true;
    this.#targets?.addFile(destPath);
    this.#add(place, { kind: 'link', destPath, size: 0, link }, status);
    return true;
  }

  #addDirectory(place: Place, status: FileStatus): void {
    const destPath = targetOf(place);
    // The top of the transfer is made anyway.
    if (destPath === '/' || this.#targets?.addDirectory(destPath) === false) return;
    this.#add(place, { kind: 'directory', destPath, size: 0 }, status);
  }

  #add(
    place: Place,
    part: Pick<ScanEntry, 'kind' | 'destPath' | 'size' | 'link'>,
    status: FileStatus,
  ): void {
    if (this.#totals.totalFiles >= MANIFEST_ENTRIES_MAX) {
      throw new CommandError(
        'conflict',
        `Cannot make the manifest: over ${MANIFEST_ENTRIES_MAX} files, expected fewer`,
      );
    }
    this.#ports.add({
      ...part,
      root: place.mapping.root,
      components: componentsOf(place),
      mtimeus: Number(status.mtimeNs / 1000n),
      mode: Number(status.mode) & 0o777,
    });
    this.#totals.totalFiles += 1;
    this.#totals.totalBytes += part.size;
  }

  /** Notes what is left out, unless it is excluded; null for whoever wanted it. */
  #skip(place: Place, reason: string): null {
    if (!this.#filter.enters(place.names)) return null;
    this.#totals.skippedCount += 1;
    if (this.#totals.notes.length < SCAN_NOTES_MAX) {
      this.#totals.notes.push({ path: textOf(place), reason });
    }
    return null;
  }
}

/** Why a link is left out, by what following it reports. */
const LINK_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is a symbolic link to nothing',
  ENOTDIR: 'it is a symbolic link to nothing',
  EXDEV: 'it is a symbolic link that leads out of its root',
  ELOOP: 'it is a symbolic link that leads to itself or out of its root',
};

/** Only what the reading itself throws is told as a failure to list. */
function* namesIn(directory: ScanRoot, text: string): Generator<string, void> {
  try {
    for (const entry of directory.readDirectory([])) yield entry.name;
  } catch (error) {
    throw renamed('list', text, error);
  }
}

const targetOf = ({ mapping, names }: Place): string => {
  const text = `/${[...mapping.target, ...names].join('/')}`;
  if (text.length * 3 < PATH_BYTES_MAX) return text;
  const bytes = pathBytesFromText(text)?.length ?? 0;
  if (bytes < PATH_BYTES_MAX) return text;
  throw new CommandError(
    'name_too_long',
    `Cannot use the target path ${JSON.stringify(`${text.slice(0, 200)}…`)}: ${bytes} bytes, expected under ${PATH_BYTES_MAX}`,
  );
};

/** Target of what cannot be the top of the transfer itself. */
const namedTargetOf = (place: Place): string => {
  const destPath = targetOf(place);
  if (destPath !== '/') return destPath;
  throw new CommandError(
    'path_invalid',
    `Cannot map the file ${JSON.stringify(textOf(place))} to "/": expected a target with a name`,
  );
};

/**
 * Scans in steps; the return value are the totals. Leaving the generator early closes what is open.
 *
 * @throws {CommandError} Naming the source or target path that stands in the way.
 */
export const scanMappings = (request: ScanRequest, ports: ScanPorts): Generator<void, ScanTotals> =>
  new Scan(request, ports).run();
