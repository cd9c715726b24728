/** Results that are too long for the database: files `results/<request id>.json`. */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { JsonFile } from './stored-json.js';

const DIRECTORY = 'results';
const NAME = /^(\d{1,16})\.json$/;

export class ResultFiles {
  readonly #directory: string;

  constructor(stateDir: string) {
    this.#directory = join(stateDir, DIRECTORY);
  }

  /** Makes the directory and removes files that belong to no request. */
  async start(isOwned: (requestId: number) => Promise<boolean>): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#directory)) {
      const id = NAME.exec(name)?.[1];
      if (id !== undefined && (await isOwned(Number(id)))) continue;
      await rm(join(this.#directory, name), { force: true });
    }
  }

  /** A fresh name in the same directory, for work that writes its own result. */
  draftPath(unique: string): string {
    return join(this.#directory, `${unique}.draft`);
  }

  /** Stores text as the result of a request; durable when this resolves. */
  async writeText(requestId: number, text: string): Promise<number> {
    const draft = this.draftPath(String(requestId));
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    return this.#publish(requestId, draft);
  }

  /** Takes a file that the work has written as the result of a request. */
  async adopt(requestId: number, written: JsonFile): Promise<number> {
    const file = await open(written.path, 'r+');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
    return this.#publish(requestId, written.path);
  }

  /** The stored result of a request. */
  find(requestId: number, bytes: number): JsonFile {
    return new JsonFile(this.#path(requestId), bytes);
  }

  async remove(requestId: number): Promise<void> {
    await rm(this.#path(requestId), { force: true });
  }

  #path(requestId: number): string {
    return join(this.#directory, `${requestId}.json`);
  }

  async #publish(requestId: number, draft: string): Promise<number> {
    const path = this.#path(requestId);
    await rename(draft, path);
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return (await stat(path)).size;
  }
}
