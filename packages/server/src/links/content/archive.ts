/**
 * A ZIP archive of all files of a manifest, made while it is read. Memory does not grow with the
 * sizes of the files, and with their number by the four bytes of a checksum: names and places are
 * read from the file list once more for the directory at the end.
 *
 * Files are held to what the manifest says of them. When one has changed the archive breaks off: it
 * has no directory then, and nobody takes it for whole. Links are left out, for what they mean at
 * the receiver is not up to the sender.
 */
import { crc32 } from 'node:zlib';
import { CommandError } from '@jetstream/contract';
import type { ManifestEntry } from '../../storage/list-format.js';
import type { ManifestList } from '../../storage/manifest-list-reader.js';
import type { SourceFiles } from '../../storage/source-files.js';
import type { PlacedEntry } from '../../storage/source-list.js';
import { archiveName } from './archive-name.js';
import { ChunkPacker } from './chunk-packer.js';
import {
  centralBytes,
  centralOf,
  descriptorBytes,
  descriptorOf,
  endBytes,
  endOf,
  localBytes,
  WHOLE_BYTES_MAX,
  writeLocal,
  type ZipEntry,
} from './zip-records.js';

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
/** Entries between two moments at which others may have their turn. */
const TURN_ENTRIES = 1024;

interface Placed {
  readonly entry: PlacedEntry;
  readonly zip: ZipEntry;
  /** Where its record begins. */
  readonly offset: number;
}

const zipEntryOf = (entry: ManifestEntry, index: number): ZipEntry => {
  const isDirectory = entry.kind === 'directory';
  const name = archiveName(entry.destPath, index);
  return {
    name: Buffer.from(isDirectory ? `${name}/` : name, 'utf8'),
    size: entry.size,
    mtimeSeconds: entry.mtimeus / 1e6,
    unixMode: (isDirectory ? S_IFDIR : S_IFREG) | (entry.mode & 0o777),
  };
};

/** Everything that goes into the archive, in order. */
function* placedEntries(list: ManifestList): Generator<Placed, void, undefined> {
  let index = 0;
  let start = 0;
  let offset = 0;
  for (const entry of list) {
    if (entry.kind !== 'link') {
      const zip = zipEntryOf(entry, index);
      yield { entry: { ...entry, index, start }, zip, offset };
      offset += localBytes(zip) + zip.size + descriptorBytes(zip);
    }
    start += entry.size;
    index += 1;
  }
}

/** What an archive comes to; undefined in between lets others have their turn. */
export function* planArchive(
  list: ManifestList,
  look: (entry: PlacedEntry, count: number) => void,
): Generator<undefined, { readonly bytes: number; readonly entries: number }, undefined> {
  let entries = 0;
  let directory = 0;
  let end = 0;
  for (const { entry, zip, offset } of placedEntries(list)) {
    look(entry, entries);
    entries += 1;
    directory += centralBytes(zip, offset);
    end = offset + localBytes(zip) + zip.size + descriptorBytes(zip);
    if (entries % TURN_ENTRIES === 0) yield;
  }
  const bytes = end + directory + endBytes({ entries, offset: end, bytes: directory });
  return { bytes, entries };
}

const failed = (files: SourceFiles, entry: PlacedEntry): CommandError =>
  new CommandError(
    files.failure(entry) ?? 'io_error',
    'Cannot go on with the archive: one of its files cannot be read as it was',
    { details: { destPath: entry.destPath } },
  );

/** One archive in the making. */
export class Archive {
  readonly #list: ManifestList;
  readonly #files: SourceFiles;
  readonly #crcs: Uint32Array;
  readonly #packer: ChunkPacker;

  constructor(
    list: ManifestList,
    files: SourceFiles,
    options: { entries: number; chunkBytes: number },
  ) {
    this.#list = list;
    this.#files = files;
    this.#crcs = new Uint32Array(options.entries);
    this.#packer = new ChunkPacker(options.chunkBytes);
  }

  /**
   * The archive, chunk by chunk.
   *
   * @throws {CommandError} `source_changed`, `source_vanished` and whatever else befell a file.
   */
  *chunks(): Generator<Uint8Array, void, undefined> {
    let count = 0;
    let end = 0;
    for (const { entry, zip, offset } of placedEntries(this.#list)) {
      const isWhole = zip.size <= WHOLE_BYTES_MAX;
      this.#crcs[count] = isWhole ? yield* this.#whole(entry, zip) : yield* this.#long(entry, zip);
      count += 1;
      end = offset + localBytes(zip) + zip.size + descriptorBytes(zip);
    }
    let directory = 0;
    let number = 0;
    for (const { zip, offset } of placedEntries(this.#list)) {
      const record = centralOf(zip, { offset, crc: this.#crcs[number] ?? 0 });
      number += 1;
      directory += record.length;
      yield* this.#packer.add(record);
    }
    yield* this.#packer.add(endOf({ entries: count, offset: end, bytes: directory }));
    const rest = this.#packer.rest();
    if (rest !== null) yield rest;
  }

  /** A file that is read first, so that its checksum stands in front. */
  *#whole(entry: PlacedEntry, zip: ZipEntry): Generator<Uint8Array, number, undefined> {
    const header = localBytes(zip);
    yield* this.#packer.makeRoom(header + zip.size);
    const space = this.#packer.take(header + zip.size);
    const content = space.subarray(header);
    let crc = 0;
    if (entry.kind === 'file') {
      if (!this.#files.read(entry, 0, content)) throw failed(this.#files, entry);
      crc = crc32(content);
    }
    writeLocal(space, zip, crc);
    return crc;
  }

  *#long(entry: PlacedEntry, zip: ZipEntry): Generator<Uint8Array, number, undefined> {
    yield* this.#packer.makeRoom(localBytes(zip));
    writeLocal(this.#packer.take(localBytes(zip)), zip, 0);
    let crc = 0;
    for (let at = 0; at < zip.size; ) {
      yield* this.#packer.makeRoom(1);
      const piece = this.#packer.take(Math.min(this.#packer.room, zip.size - at));
      if (!this.#files.read(entry, at, piece)) throw failed(this.#files, entry);
      crc = crc32(piece, crc);
      at += piece.length;
    }
    this.#files.release(entry);
    yield* this.#packer.add(descriptorOf(zip, crc));
    return crc;
  }
}
