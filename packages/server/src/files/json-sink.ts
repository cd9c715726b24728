/** Collects the JSON of a result; in memory while it is short, in a file from then on. */
import fs from 'node:fs';
import type { FileTaskResult } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

export class JsonSink {
  readonly #path: string;
  #parts: string[] = [];
  #characters = 0;
  #fd: number | null = null;
  #bytes = 0;

  /** @param path Where the file goes, if it becomes one. */
  constructor(path: string) {
    this.#path = path;
  }

  add(text: string): void {
    this.#parts.push(text);
    this.#characters += text.length;
    const limit = this.#fd === null ? FILE_LIMITS.resultTextBytesMax : FILE_LIMITS.resultWriteBytes;
    if (this.#characters > limit) this.#write();
  }

  finish(): FileTaskResult {
    if (this.#fd === null) return { kind: 'text', text: this.#parts.join('') };
    this.#write();
    fs.closeSync(this.#fd);
    this.#fd = null;
    return { kind: 'file', path: this.#path, bytes: this.#bytes };
  }

  /** Gives up; the file, if there is one, is removed. */
  discard(): void {
    if (this.#fd === null) return;
    fs.closeSync(this.#fd);
    this.#fd = null;
    fs.rmSync(this.#path, { force: true });
  }

  #write(): void {
    this.#fd ??= fs.openSync(this.#path, 'wx', 0o600);
    const bytes = Buffer.from(this.#parts.join(''), 'utf8');
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.#fd, bytes, at);
    this.#bytes += bytes.length;
    this.#parts = [];
    this.#characters = 0;
  }
}
