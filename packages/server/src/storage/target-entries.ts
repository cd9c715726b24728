/**
 * Takes the file list from the sender: hostile names, lying totals. Everything about a block is
 * checked before any of it can reach the disk; a list that breaks the rules ends the transfer, a name
 * that only this disk cannot hold fails one file.
 */
import { CommandError } from '@jetstream/contract';
import { WIRE_KIND, type WireEntry } from '@jetstream/transport';
import { shownPath } from '../adapters/disk/disk-error.js';
import { pathBytes } from '../adapters/disk/path-argument.js';
import type { FileError } from '../data/data-plane.js';
import { parseSandboxPath } from '../sandboxes/sandbox-path.js';
import { openEntryBlock } from './entry-codec.js';
import { type EntryTable, PATH_POOL_BYTES_MAX, pathTextOf } from './entry-table.js';
import { TARGET_DEPTH_MAX, TRANSFER_BYTES_MAX, TRANSFER_ENTRIES_MAX } from './limits.js';
import { linkFault } from './link-rules.js';
import { PathIndex } from './path-index.js';
import { type ListTotals, StorageError } from './storage.js';

/** An entry that will not be written, and why. */
export interface RefusedEntry {
  readonly index: number;
  readonly error: FileError;
}

interface Parsed {
  readonly path: Uint8Array;
  readonly refusal: FileError | null;
}

interface TargetEntriesOptions {
  readonly table: EntryTable;
  /** What the whole list holds; null for one without a known end. */
  readonly totals: ListTotals | null;
  /** Start of the names of this transfer's own part files. */
  readonly partPrefix: string;
  /** Directories between the root and the destination of the transfer. */
  readonly depth: number;
  /** Of the path index; random, so that a sender cannot choose colliding names. */
  readonly seed: number;
}

const lie = (what: string): StorageError =>
  new StorageError('peer_refused', `Cannot take the sender's file list: ${what}`);

/** @see the head of this file */
export class TargetEntries {
  readonly #options: TargetEntriesOptions;
  readonly #index: PathIndex;
  #totals: ListTotals | null;

  constructor(options: TargetEntriesOptions) {
    this.#options = options;
    this.#index = new PathIndex(options.seed);
    this.#totals = options.totals;
  }

  /** What the whole list holds; null while its end is not known. */
  get totals(): ListTotals | null {
    return this.#totals;
  }

  /**
   * The list has come to its end, or its end is known now.
   *
   * @returns Whether that is new.
   * @throws {StorageError} `peer_refused` if what is here does not fit.
   */
  end(totals: ListTotals): boolean {
    const { table } = this.#options;
    const before = this.#totals;
    if (before !== null && (before.files !== totals.files || before.bytes !== totals.bytes)) {
      throw lie(`it ends with entry ${totals.files}, expected ${before.files}`);
    }
    if (table.length !== totals.files || table.bytes !== totals.bytes) {
      throw lie(
        `it ends with ${totals.files} entries of ${totals.bytes} bytes, ` +
          `expected ${table.length} of ${table.bytes}`,
      );
    }
    this.#totals = totals;
    return before === null;
  }

  /**
   * Adds a block to the table; entries that are there already must be the same.
   *
   * @returns Entries that cannot be written.
   * @throws {StorageError} `peer_refused`.
   */
  accept(bytes: Uint8Array): { added: number; refused: RefusedEntry[] } {
    const { table } = this.#options;
    const totalFiles = this.#totals?.files ?? TRANSFER_ENTRIES_MAX;
    const totalBytes = this.#totals?.bytes ?? TRANSFER_BYTES_MAX;
    const block = openEntryBlock(bytes);
    if ('fault' in block) throw lie(block.fault);
    const end = block.firstIndex + block.items.length;
    if (block.firstIndex > table.length) {
      throw lie(`entries ${table.length} to ${block.firstIndex} are missing`);
    }
    if (end > totalFiles) throw lie(`it holds entry ${end}, expected at most ${totalFiles}`);
    const refused: RefusedEntry[] = [];
    const before = table.length;
    block.items.forEach((entry, offset) => {
      const index = block.firstIndex + offset;
      const parsed = this.#parse(entry);
      if (index < table.length) {
        this.#compare(index, entry, parsed.path);
        return;
      }
      if (table.bytes + entry.size > totalBytes) {
        throw lie(`its files hold more than ${totalBytes} bytes, which is all there may be`);
      }
      this.#place(entry, parsed);
      table.add({ ...entry, path: parsed.path });
      if (parsed.refusal !== null) refused.push({ index, error: parsed.refusal });
    });
    if (this.#totals !== null && table.length === totalFiles && table.bytes !== totalBytes) {
      throw lie(`its files hold ${table.bytes} bytes, expected ${totalBytes}`);
    }
    return { added: table.length - before, refused };
  }

  #parse(entry: WireEntry): Parsed {
    const text = pathTextOf(entry.path);
    const refuse = (code: FileError['code'], reason: string): Parsed => ({
      path: entry.path,
      refusal: { destPath: text, code, message: `Cannot write ${shownPath(text)}: ${reason}` },
    });
    let components: readonly string[];
    try {
      components = parseSandboxPath(text).components;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error.code === 'name_too_long') return refuse(error.code, 'the name is too long');
      throw lie(error.message);
    }
    if (components.length > TARGET_DEPTH_MAX) {
      return refuse('name_too_long', `it lies more than ${TARGET_DEPTH_MAX} directories deep`);
    }
    if (entry.kind === WIRE_KIND.link) {
      const depth = this.#options.depth + components.length - 1;
      const fault = linkFault(pathTextOf(entry.link ?? new Uint8Array(0)), depth);
      if (fault !== null) return refuse('path_invalid', `it is a symbolic link, and ${fault}`);
    }
    const isDirectory = entry.kind === WIRE_KIND.directory;
    if (components.length === 0 && !isDirectory) {
      return refuse('is_a_directory', 'it is the destination itself');
    }
    if (components.at(-1)?.startsWith(this.#options.partPrefix) === true) {
      return refuse('path_invalid', 'the name is taken by a part file');
    }
    return { path: pathBytes(components.join('/')), refusal: null };
  }

  #place(entry: WireEntry, { path, refusal }: Parsed): void {
    if (this.#options.table.pathBytes + path.length > PATH_POOL_BYTES_MAX) {
      throw lie(`its paths take more than ${PATH_POOL_BYTES_MAX} bytes`);
    }
    if (refusal !== null || path.length === 0) return;
    const fault = this.#index.add(path, entry.kind === WIRE_KIND.directory);
    if (fault !== null) throw lie(`${fault}: ${shownPath(pathTextOf(path))}`);
  }

  #compare(index: number, entry: WireEntry, path: Uint8Array): void {
    const { table } = this.#options;
    const isSame =
      table.kind(index) === entry.kind &&
      table.size(index) === entry.size &&
      table.mode(index) === entry.mode &&
      table.mtimeus(index) === entry.mtimeus &&
      Buffer.compare(table.path(index), path) === 0 &&
      table.linkText(index) === pathTextOf(entry.link ?? new Uint8Array(0));
    if (!isSame) throw lie(`entry ${index} is not what it was before`);
  }
}
