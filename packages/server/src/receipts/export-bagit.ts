/**
 * BagIt (RFC 8493): the delivered files are the payload, in a directory named `data`; the tag files
 * are written beside it. A bag holds every file of its payload, so one that the receipt does not know
 * would make it invalid, and is refused.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { CommandError } from '@jetstream/contract';
import type { ReceiptExport } from './receipt-export.js';

/** A new line, or what stands for one, would end the entry; the RFC encodes these three and no more. */
const encoded = (name: string): string =>
  name.replace(
    /[%\r\n]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );

const refuse = (why: string): CommandError =>
  new CommandError('invalid_params', `Cannot make a bag: ${why}`);

/** Files below a directory, counted without following links. */
const countFiles = (directory: string): number => {
  let files = 0;
  const open = [directory];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const entries = fs.opendirSync(next);
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        if (entry.isDirectory()) open.push(path.join(next, entry.name));
        else files += 1;
      }
    } finally {
      entries.closeSync();
    }
  }
  return files;
};

class Bag {
  readonly #directory: string;
  readonly #tags = new Map<string, string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Starts a tag file; an existing one is never replaced. */
  open(name: string): (text: string) => void {
    const fd = fs.openSync(path.join(this.#directory, name), 'wx', 0o644);
    const hash = createHash('sha256');
    this.#tags.set(name, '');
    return (text) => {
      if (text !== '') {
        hash.update(text);
        fs.writeSync(fd, text);
        return;
      }
      fs.fsyncSync(fd);
      fs.closeSync(fd);
      this.#tags.set(name, hash.digest('hex'));
    };
  }

  put(name: string, text: string): void {
    const write = this.open(name);
    write(text);
    write('');
  }

  /** Takes away what was begun. */
  remove(): void {
    for (const name of this.#tags.keys()) fs.rmSync(path.join(this.#directory, name));
  }

  tagManifest(): string {
    return [...this.#tags].map(([name, digest]) => `${digest}  ${name}\n`).join('');
  }
}

/** @see the head of this file */
export const bagItExport = (tree: string, now: Date): ReceiptExport => {
  const payload = path.resolve(tree);
  let files = 0;
  let bytes = 0;
  let transferId = '';
  let bag: Bag | null = null;
  let manifest: (text: string) => void = () => undefined;
  return {
    hashes: ['sha256'],
    begin: (head) => {
      if (path.basename(payload) !== 'data') {
        throw refuse(`the payload is in "${payload}", expected a directory with the name "data"`);
      }
      transferId = head.transferId;
      bag = new Bag(path.dirname(payload));
      try {
        manifest = bag.open('manifest-sha256.txt');
      } catch (error) {
        throw refuse(
          `manifest-sha256.txt cannot be made (${(error as NodeJS.ErrnoException).code})`,
        );
      }
    },
    file: (file, digests) => {
      if (file.kind !== 'file') return;
      if (/\p{Surrogate}/u.test(file.path))
        throw refuse(`${JSON.stringify(file.path)} is not UTF-8`);
      files += 1;
      bytes += file.size;
      manifest(`${digests['sha256']}  data/${encoded(file.path.replace(/^\/+/, ''))}\n`);
    },
    abandon: () => bag?.remove(),
    end: () => {
      manifest('');
      const found = countFiles(payload);
      if (found !== files) throw refuse(`the payload has ${found} files, expected ${files}`);
      bag?.put('bagit.txt', 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n');
      const info = [
        `Bagging-Date: ${now.toISOString().slice(0, 10)}`,
        `Payload-Oxum: ${bytes}.${files}`,
        `External-Identifier: ${transferId}`,
      ];
      bag?.put('bag-info.txt', `${info.join('\n')}\n`);
      bag?.put('tagmanifest-sha256.txt', bag.tagManifest());
    },
  };
};
