/**
 * Runs many tasks on one thread, a slice of each at a time, so that a short one never waits for the
 * end of a long one.
 */
import { CommandError } from '@jetstream/contract';
import type { FileTask, FileTaskResult, Report, Steps } from './file-task.js';
import type { HashPool } from './hash-pool.js';
import { FILE_LIMITS } from './limits.js';
import { stepsOf } from './run-file-task.js';

/** Where a task's news go; the last of them is `done` or `failed`. */
export interface TaskListener {
  progress: Report;
  done(result: FileTaskResult): void;
  failed(error: unknown): void;
}

interface Running {
  readonly id: number;
  readonly steps: Steps<FileTaskResult>;
  readonly listener: TaskListener;
  counters: Readonly<Record<string, number>> | null;
  /** What it waits for. */
  waitsFor: Promise<void> | null;
  /** It is to stop; what is left of it is tidying up. */
  cancelled: boolean;
}

const NOTHING: FileTaskResult = { kind: 'text', text: 'null' };

const cancelled = (): CommandError =>
  new CommandError('cancelled', 'Cannot finish the file operation: it was cancelled');

export class SliceRunner {
  readonly #hashPool: HashPool;
  readonly #tasks = new Map<number, Running>();
  #scheduled = false;

  constructor(hashPool: HashPool) {
    this.#hashPool = hashPool;
  }

  run(id: number, task: FileTask, listener: TaskListener): void {
    const report: Report = (counters) => {
      running.counters = counters;
    };
    const running: Running = {
      id,
      steps: stepsOf(task, { report, hashPool: this.#hashPool }),
      listener,
      counters: null,
      waitsFor: null,
      cancelled: false,
    };
    this.#tasks.set(id, running);
    this.#schedule();
  }

  /** Stops a task between two steps; it still closes and removes what is its own. */
  cancel(id: number): void {
    const running = this.#tasks.get(id);
    if (running === undefined || running.cancelled) return;
    running.cancelled = true;
    running.waitsFor = null;
    this.#guarded(running, () => this.#take(running, running.steps.return(NOTHING)));
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || ![...this.#tasks.values()].some((task) => task.waitsFor === null)) {
      return;
    }
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const running of [...this.#tasks.values()]) {
        if (running.waitsFor === null) this.#guarded(running, () => this.#slice(running));
      }
      this.#schedule();
    });
  }

  #guarded(running: Running, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#tasks.delete(running.id);
      running.listener.failed(error);
    }
  }

  #slice(running: Running): void {
    const endMs = performance.now() + FILE_LIMITS.sliceMs;
    let goesOn = true;
    while (goesOn && performance.now() < endMs) goesOn = this.#take(running, running.steps.next());
    if (!this.#tasks.has(running.id)) return;
    if (running.counters !== null) running.listener.progress(running.counters);
    running.counters = null;
  }

  /** Whether the next step can be taken at once. */
  #take(running: Running, step: IteratorResult<Promise<void> | undefined, FileTaskResult>) {
    if (step.done === true) {
      this.#tasks.delete(running.id);
      if (running.cancelled) running.listener.failed(cancelled());
      else running.listener.done(step.value);
      return false;
    }
    const { value } = step;
    if (value === undefined) return true;
    running.waitsFor = value;
    void value.then(() => {
      if (running.waitsFor !== value) return;
      running.waitsFor = null;
      this.#schedule();
    });
    return false;
  }
}
