/**
 * File operations as the services see them. They run in file threads; from TypeScript source, where
 * threads cannot start, the same code runs in this one.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { JsonFile, JsonText, type StoredJson } from '../requests/stored-json.js';
import type { FileTask, FileTaskResult, Report } from './file-task.js';
import { FileThread } from './file-thread-client.js';
import { localHashPool } from './hash-pool.js';
import { FILE_LIMITS } from './limits.js';
import { SliceRunner, type TaskListener } from './slice-runner.js';

/** What a caller knows about a task that runs. */
export interface FileWork {
  readonly signal: AbortSignal;
  readonly progress: Report;
}

/** Runs tasks somewhere. */
export interface TaskRunner {
  run(id: number, task: FileTask, listener: TaskListener): void;
  cancel(id: number): void;
}

export interface FileOperations {
  /** A fresh place for a long result. */
  draftPath(): string;
  /**
   * Runs a task to its end.
   *
   * @returns JSON of the result.
   * @throws {CommandError} With the code of what went wrong; `cancelled` after the signal.
   */
  run(task: FileTask, work: FileWork): Promise<StoredJson>;
  /** Address of a directory below a root, links resolved; see `root-address.ts`. */
  resolveDirectory(root: string, components: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** Runs in this thread; used where there are no compiled files. */
const localRunner = (): TaskRunner & { stop(): Promise<void> } => {
  const runner = new SliceRunner(localHashPool());
  return {
    run: (id, task, listener) => runner.run(id, task, listener),
    cancel: (id) => runner.cancel(id),
    stop: () => Promise.resolve(),
  };
};

const openRunners = (): (TaskRunner & { stop(): Promise<void> })[] =>
  import.meta.url.endsWith('.ts')
    ? [localRunner()]
    : Array.from({ length: FILE_LIMITS.threads }, () => new FileThread());

const storedJson = (result: FileTaskResult): StoredJson =>
  result.kind === 'text' ? new JsonText(result.text) : new JsonFile(result.path, result.bytes);

interface Runner {
  readonly runner: TaskRunner & { stop(): Promise<void> };
  /** Tasks that it runs. */
  open: number;
}

class RunnerFileOperations implements FileOperations {
  readonly #runners: readonly Runner[] = openRunners().map((runner) => ({ runner, open: 0 }));
  readonly #resultsDir: string;
  #lastId = 0;

  constructor(stateDir: string) {
    this.#resultsDir = join(stateDir, 'results');
  }

  draftPath(): string {
    return join(this.#resultsDir, `${randomUUID()}.draft`);
  }

  async run(task: FileTask, work: FileWork): Promise<StoredJson> {
    return storedJson(await this.#run(task, work));
  }

  async resolveDirectory(root: string, components: readonly string[]): Promise<string> {
    const work = { signal: new AbortController().signal, progress: () => {} };
    const place = { root, rootName: '', components };
    const result = await this.#run({ kind: 'resolve', place }, work);
    if (result.kind !== 'text') throw new Error('a path came back as a file');
    return JSON.parse(result.text) as string;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runners.map(({ runner }) => runner.stop()));
  }

  /** What hashes goes to one thread, so that its hash threads are all there are. */
  #choose(task: FileTask): Runner {
    const first = this.#runners[0] as Runner;
    if ('hash' in task && task.hash !== null) return first;
    return this.#runners.reduce((best, each) => (each.open < best.open ? each : best), first);
  }

  #run(task: FileTask, work: FileWork): Promise<FileTaskResult> {
    const chosen = this.#choose(task);
    this.#lastId += 1;
    const id = this.#lastId;
    const cancel = (): void => chosen.runner.cancel(id);
    chosen.open += 1;
    return new Promise<FileTaskResult>((resolve, reject) => {
      const progress: Report = (counters) => work.progress(counters);
      chosen.runner.run(id, task, { progress, done: resolve, failed: reject });
      work.signal.addEventListener('abort', cancel, { once: true });
      if (work.signal.aborted) cancel();
    }).finally(() => {
      chosen.open -= 1;
      work.signal.removeEventListener('abort', cancel);
    });
  }
}

/** Opens the file operations of a server. */
export const openFileOperations = (options: { readonly stateDir: string }): FileOperations =>
  new RunnerFileOperations(options.stateDir);
