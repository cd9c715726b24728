/** For tests of file operations: a directory, and tasks that run in it. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, type HashType, type Listing, listing } from '@jetstream/contract';
import { JsonText } from '../requests/stored-json.js';
import { type FileOperations, type FileWork, openFileOperations } from './file-operations.js';
import type { FileTask, HashRequest, Place } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

/** Code of the error that a promise fails with. */
export const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    if (error instanceof CommandError) return error.code;
    throw error;
  }
};

/** What to hash with, in parts of the usual size. */
export const hashWith = (...types: HashType[]): HashRequest => ({
  types,
  partBytes: FILE_LIMITS.s3PartBytes,
});

/** A file system in memory. */
export const MEMORY = '/dev/shm';

export class FileLab {
  /** Holds `root` and what lies outside of it. */
  readonly base: string;
  readonly root: string;
  readonly files: FileOperations;

  /** @param parent Where it all lies; a file system in memory for tests with many files. */
  constructor(parent = tmpdir()) {
    this.base = fs.mkdtempSync(join(parent, 'jetstream-files-'));
    this.root = join(this.base, 'root');
    fs.mkdirSync(this.root);
    fs.mkdirSync(join(this.base, 'results'));
    this.files = openFileOperations({ stateDir: this.base });
  }

  async dispose(): Promise<void> {
    await this.files.stop();
    fs.rmSync(this.base, { recursive: true, force: true });
  }

  place(...components: string[]): Place {
    return { root: this.root, rootName: '', components };
  }

  /** Path of something below the root. */
  path(...components: string[]): string {
    return join(this.root, ...components);
  }

  async run(task: FileTask, work: Partial<FileWork> = {}): Promise<unknown> {
    const whole = { signal: new AbortController().signal, progress: () => {}, ...work };
    const result = await this.files.run(task, whole);
    const text = result instanceof JsonText ? result.text : fs.readFileSync(result.path, 'utf8');
    return JSON.parse(text);
  }

  /** Runs a task and cancels it at its first progress. */
  runAndCancel(task: FileTask): Promise<unknown> {
    const stop = new AbortController();
    return this.run(task, { signal: stop.signal, progress: () => stop.abort() });
  }

  async list(
    components: string[],
    options: { directory?: boolean; hash?: HashRequest } = {},
  ): Promise<Listing> {
    return listing.parse(
      await this.run({
        kind: 'list',
        place: this.place(...components),
        directory: options.directory ?? false,
        hash: options.hash ?? null,
        draftPath: this.files.draftPath(),
      }),
    );
  }
}
