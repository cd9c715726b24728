/**
 * The delivered files as they are now: read below one directory, which nothing in a receipt leads out
 * of, and hashed for whoever asks.
 */
import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CommandError } from '@jetstream/contract';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError } from '../adapters/disk/disk-error.js';
import type { ReceiptFile } from './receipt-format.js';

const READ_BYTES = 1024 * 1024;
const { O_RDONLY, O_NOFOLLOW } = fs.constants;

/** Digests of one file, by name of the hash, lower-case hex. */
export type Digests = Readonly<Record<string, string>>;

/** Components of a path in a receipt. @throws {CommandError} `path_invalid` if it leads out. */
export const receiptComponents = (text: string): string[] => {
  const components = text.split('/').filter((name) => name !== '');
  if (!components.some((name) => name === '.' || name === '..' || name.includes('\0'))) {
    return components;
  }
  throw new CommandError('path_invalid', `Cannot use the path ${JSON.stringify(text)}`);
};

/** @see the head of this file */
export class DeliveredTree {
  readonly #root: ConfinedRoot;
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);

  /** @param directory What stands for the destination path of the transfer. */
  constructor(directory: string) {
    this.#root = ConfinedRoot.open(path.resolve(directory), { directoriesMax: 64 });
  }

  close(): void {
    this.#root.close();
  }

  /**
   * Reads a file once and compares it with the receipt.
   *
   * @param hashes Names of node:crypto to compute beside BLAKE3.
   * @throws {CommandError} `content_mismatch`, or what the disk says.
   */
  async verify(file: ReceiptFile, hashes: readonly string[] = []): Promise<Digests> {
    const components = receiptComponents(file.path);
    if (file.kind === 'directory') {
      const isThere = components.length === 0 || this.#root.lstat(components).isDirectory();
      if (!isThere) throw mismatch(file, 'no directory is there');
      return {};
    }
    if (file.kind === 'link') {
      if (this.#root.lstat(components).isSymbolicLink()) return {};
      throw mismatch(file, 'no symbolic link is there');
    }
    let fd: number;
    try {
      fd = this.#root.openFile(components, O_RDONLY | O_NOFOLLOW);
    } catch (error) {
      throw diskError('read', file.path, error);
    }
    try {
      const stat = fs.fstatSync(fd);
      if (!stat.isFile()) throw mismatch(file, 'no file is there');
      if (stat.size !== file.size) {
        throw mismatch(file, `its size is ${stat.size}, expected ${file.size}`);
      }
      const digests = await this.#digests(fd, hashes);
      if (file.blake3 === undefined || digests['blake3'] === file.blake3) return digests;
      throw mismatch(file, `its BLAKE3 is ${digests['blake3']}, expected ${file.blake3}`);
    } finally {
      fs.closeSync(fd);
    }
  }

  async #digests(fd: number, names: readonly string[]): Promise<Digests> {
    const blake3 = new Blake3Hasher();
    const others: [string, Hash][] = names.map((name) => [name, createHash(name)]);
    for (;;) {
      const read = fs.readSync(fd, this.#scratch, 0, READ_BYTES, null);
      if (read === 0) break;
      const piece = this.#scratch.subarray(0, read);
      blake3.update(piece);
      for (const [, hash] of others) hash.update(piece);
      await nextTurn();
    }
    const digests: Record<string, string> = { blake3: blake3.digestBuffer().toString('hex') };
    for (const [name, hash] of others) digests[name] = hash.digest('hex');
    return digests;
  }
}

const mismatch = (file: ReceiptFile, why: string): CommandError =>
  new CommandError('content_mismatch', `Cannot confirm ${JSON.stringify(file.path)}: ${why}`);
