/**
 * Reads for browsers, in a thread of its own: lists of files, single files, archives. One chunk for
 * each pull, so that a slow client holds one chunk in memory, and a fast one waits for nobody.
 */
import { CommandError } from '@jetstream/contract';
import { failureOf } from '../../files/file-messages.js';
import type { ManifestEntry } from '../../storage/list-format.js';
import { ManifestList } from '../../storage/manifest-list-reader.js';
import { SourceFiles } from '../../storage/source-files.js';
import type { PlacedEntry } from '../../storage/source-list.js';
import { LINK_LIMITS } from '../limits.js';
import { checkRoots } from './allowed-roots.js';
import { Archive, planArchive } from './archive.js';
import type {
  ContentChoice,
  ContentCommand,
  ContentFacts,
  ContentPlace,
  ContentReply,
} from './content-messages.js';

const NOTHING = Buffer.alloc(0);

/** Something that is open. */
interface Content {
  readonly facts: ContentFacts;
  chunks(start: number, end: number): Iterator<Uint8Array, void, undefined>;
  close(): void;
}

interface Open {
  readonly content: Content;
  chunks: Iterator<Uint8Array, void, undefined> | null;
}

type Reply = (reply: ContentReply, transfer?: ArrayBuffer) => void;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const openList = (place: ContentPlace): ManifestList => {
  const list = ManifestList.open(place.listPath);
  try {
    checkRoots(list.roots, place.allowedRoots);
    return list;
  } catch (error) {
    list.close();
    throw error;
  }
};

const gone = (files: SourceFiles, entry: PlacedEntry): CommandError =>
  new CommandError(
    files.failure(entry) ?? 'io_error',
    'Cannot download the file: it cannot be read as it was when the link was made',
    { details: { destPath: entry.destPath } },
  );

/** Looks whether a file is what the manifest says, without reading it. */
const checkFile = (files: SourceFiles, entry: PlacedEntry): void => {
  if (!files.read(entry, 0, NOTHING)) throw gone(files, entry);
};

function* fileChunks(
  files: SourceFiles,
  entry: PlacedEntry,
  range: { readonly start: number; readonly end: number },
): Generator<Uint8Array, void, undefined> {
  for (let at = range.start; at < range.end; ) {
    const piece = Buffer.allocUnsafeSlow(Math.min(LINK_LIMITS.chunkBytes, range.end - at));
    if (!files.read(entry, at, piece)) throw gone(files, entry);
    at += piece.length;
    yield piece;
  }
}

const openFile = (list: ManifestList, index: number): Content => {
  const found: ManifestEntry | undefined = list.page(index, 1)[0];
  if (found?.kind !== 'file') {
    throw new CommandError('not_found', 'Cannot download the file: the link has no such file');
  }
  const entry: PlacedEntry = { ...found, index, start: 0 };
  const files = new SourceFiles(list);
  try {
    checkFile(files, entry);
  } catch (error) {
    files.close();
    throw error;
  } finally {
    list.close();
  }
  return {
    facts: { size: entry.size, mtimeus: entry.mtimeus, destPath: entry.destPath },
    chunks: (start, end) => fileChunks(files, entry, { start, end }),
    close: () => files.close(),
  };
};

const openArchive = async (list: ManifestList): Promise<Content> => {
  const files = new SourceFiles(list);
  const close = (): void => {
    files.close();
    list.close();
  };
  try {
    const plan = planArchive(list, (entry, count) => {
      if (count >= LINK_LIMITS.archiveCheckEntriesMax || entry.kind !== 'file') return;
      checkFile(files, entry);
      files.release(entry);
    });
    let step = plan.next();
    while (step.done !== true) {
      await nextTurn();
      step = plan.next();
    }
    const { bytes, entries } = step.value;
    const archive = new Archive(list, files, { entries, chunkBytes: LINK_LIMITS.chunkBytes });
    return {
      facts: { size: bytes, mtimeus: null, destPath: null },
      chunks: () => archive.chunks(),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
};

/** @see the head of this file */
export class ContentDesk {
  readonly #reply: Reply;
  readonly #open = new Map<number, Open>();
  /** What is being opened, and whether it was closed meanwhile. */
  readonly #opening = new Map<number, { closed: boolean }>();

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  handle(command: ContentCommand): void {
    const { id } = command;
    try {
      switch (command.kind) {
        case 'list':
          this.#list(command);
          break;
        case 'open':
          void this.#openContent(id, command.place, command.choice);
          break;
        case 'begin': {
          const open = this.#open.get(id);
          if (open !== undefined) open.chunks = open.content.chunks(command.start, command.end);
          break;
        }
        case 'pull':
          this.#pull(id);
          break;
        case 'close':
          this.#close(id);
      }
    } catch (error) {
      this.#fail(id, error);
    }
  }

  /** Lets go of everything. */
  stop(): void {
    for (const id of [...this.#open.keys(), ...this.#opening.keys()]) this.#close(id);
  }

  #list(command: Extract<ContentCommand, { kind: 'list' }>): void {
    const list = openList(command.place);
    try {
      const page = list.page(command.offset, command.limit);
      const entries = page.map(({ kind, destPath, size }, number) => ({
        index: command.offset + number,
        kind,
        destPath,
        size,
      }));
      const { entries: totalEntries, files: totalFiles, bytes: totalBytes } = list.totals;
      this.#reply({
        kind: 'listed',
        id: command.id,
        page: { entries, totalEntries, totalFiles, totalBytes },
      });
    } finally {
      list.close();
    }
  }

  async #openContent(id: number, place: ContentPlace, choice: ContentChoice): Promise<void> {
    const opening = { closed: false };
    this.#opening.set(id, opening);
    try {
      const list = openList(place);
      const content =
        choice.kind === 'file' ? openFile(list, choice.index) : await openArchive(list);
      if (opening.closed) {
        content.close();
        return;
      }
      this.#open.set(id, { content, chunks: null });
      this.#reply({ kind: 'opened', id, facts: content.facts });
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#opening.delete(id);
    }
  }

  #pull(id: number): void {
    const step = this.#open.get(id)?.chunks?.next();
    if (step === undefined) return;
    if (step.done === true) {
      this.#close(id);
      this.#reply({ kind: 'chunk', id, bytes: null });
    } else {
      this.#reply({ kind: 'chunk', id, bytes: step.value }, step.value.buffer as ArrayBuffer);
    }
  }

  #close(id: number): void {
    const opening = this.#opening.get(id);
    if (opening !== undefined) opening.closed = true;
    const open = this.#open.get(id);
    this.#open.delete(id);
    open?.content.close();
  }

  #fail(id: number, error: unknown): void {
    this.#close(id);
    this.#reply({ kind: 'failed', id, failure: failureOf(error) });
  }
}
