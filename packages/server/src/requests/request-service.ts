/**
 * Requests: what `…Async` methods start. A request runs to its end whether or not anybody asks for
 * it. It is stored before it starts and when it ends, so neither an id nor a result that a client
 * has been told is lost by a crash.
 */
import { CommandError, type MethodName, type RequestStructure } from '@jetstream/contract';
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { RequestRun } from '../control/handler.js';
import type { Notifier } from '../control/notifier.js';
import { type Caller, mayAccess, type Ownership, ownershipOf } from '../sessions/caller.js';
import { REQUEST_LIMITS } from './limits.js';
import type { RequestEnd, RequestFailure, RequestStore } from './request-store.js';
import type { ResultFiles } from './result-files.js';
import { type RunEnd, RunningRequest } from './running-request.js';
import { isStoredJson, JsonFile, JsonText, type StoredJson } from './stored-json.js';

export interface RequestServiceOptions {
  readonly store: RequestStore;
  readonly files: ResultFiles;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From the option `requestTimeLimit`. */
  readonly keepSeconds: number;
}

const RESTARTED: RequestFailure = {
  code: 'cancelled',
  message: 'Cannot finish the request: the server was restarted',
  details: {},
};

const notFound = (id: number): CommandError =>
  new CommandError(
    'not_found',
    `Cannot find request ${id}: it does not exist, has expired or is not visible`,
    { details: { requestId: id } },
  );

const structureOf = (
  id: number,
  end: RequestEnd | null,
  progress: RequestStructure['progress'],
): RequestStructure => ({
  requestId: id,
  processing: end === null,
  status: end?.status ?? 'pending',
  errorMessage: end?.status === 'error' ? end.error.message : '',
  errorCode: end?.status === 'error' ? end.error.code : null,
  progress,
});

export class RequestService {
  readonly #options: RequestServiceOptions;
  readonly #running = new Map<number, RunningRequest>();
  readonly #runningByOwner = new Map<string, number>();
  #runningCount = 0;
  #purges: Timer | null = null;

  constructor(options: RequestServiceOptions) {
    this.#options = options;
  }

  /** Requests that run. */
  get runningCount(): number {
    return this.#runningCount;
  }

  /** Ends what a crash has interrupted, and begins to remove what is old. */
  async start(): Promise<void> {
    const { store, files, clock, logger } = this.#options;
    const interrupted = await store.failRunning(RESTARTED, clock.nowUs());
    if (interrupted > 0) logger.warn({ interrupted }, 'requests were interrupted by a restart');
    await files.start((id) => store.ownsResultFile(id));
    this.#purges = every(clock, REQUEST_LIMITS.purgeIntervalMs, () => {
      this.purge().catch((error: unknown) =>
        logger.error({ err: error }, 'old requests could not be removed'),
      );
    });
  }

  /** Cancels what still runs after a while and waits until every end is stored. */
  async stop(options: { drainMs: number }): Promise<void> {
    this.#purges?.cancel();
    const ends = [...this.#running.values()].map((request) => request.ended);
    const allEnded = Promise.all(ends);
    if (options.drainMs > 0) {
      const drained = new Promise<void>((resolve) =>
        this.#options.clock.after(options.drainMs, resolve),
      );
      await Promise.race([allEnded, drained]);
    }
    for (const request of this.#running.values()) request.cancel('the server is stopping');
    await allEnded;
  }

  /**
   * Starts a request; resolves when it is stored.
   *
   * @throws {CommandError} `too_many_requests`
   */
  async submit<M extends MethodName>(
    caller: Caller,
    method: M,
    run: RequestRun<M>,
  ): Promise<{ requestId: number }> {
    this.#take(caller.userName, method);
    const owner = ownershipOf(caller);
    let id: number;
    try {
      const submitTimeUs = this.#options.clock.nowUs();
      id = await this.#options.store.insert({ ...owner, method, submitTimeUs });
    } catch (error) {
      this.#release(caller.userName);
      throw error;
    }
    const request = new RunningRequest({
      owner,
      clock: this.#options.clock,
      onProgress: () => this.#notify(id, owner, null),
    });
    this.#running.set(id, request);
    void request.run(run as (work: unknown) => Promise<unknown>, (end) =>
      this.#finish({ id, method, owner }, end),
    );
    return { requestId: id };
  }

  async status(caller: Caller, id: number): Promise<RequestStructure> {
    const running = this.#running.get(id);
    if (running !== undefined) {
      if (!mayAccess(caller, running.owner)) throw notFound(id);
      return structureOf(id, null, running.counters);
    }
    return structureOf(id, await this.#storedEnd(caller, id), null);
  }

  /**
   * Waits for the end of a request.
   *
   * @param options.timeoutMs Null waits as long as it takes.
   * @param options.signal Fires when nobody waits for the answer any more.
   * @throws {CommandError} The request's own error, `timeout` or `not_found`.
   */
  async result(
    caller: Caller,
    id: number,
    options: { readonly timeoutMs: number | null; readonly signal: AbortSignal },
  ): Promise<StoredJson> {
    const running = this.#running.get(id);
    if (running !== undefined) {
      if (!mayAccess(caller, running.owner)) throw notFound(id);
      if (!(await running.wait(options))) {
        throw new CommandError(
          'timeout',
          `Cannot return the result of request ${id}: it still runs, expected its end in time`,
          { details: { requestId: id } },
        );
      }
    }
    const end = await this.#storedEnd(caller, id);
    // Between the end of the run and that of the wait nothing else can have happened.
    if (end === null) throw notFound(id);
    if (end.status === 'error') {
      const { code, message, details } = end.error;
      throw new CommandError(code, message, { details: { ...details, requestId: id } });
    }
    return 'resultJson' in end
      ? new JsonText(end.resultJson)
      : this.#options.files.find(id, end.resultFileBytes);
  }

  /** Asks a running request to stop; one that has ended stays as it is. */
  async cancel(caller: Caller, id: number): Promise<void> {
    const running = this.#running.get(id);
    if (running === undefined) {
      await this.#storedEnd(caller, id);
      return;
    }
    if (!mayAccess(caller, running.owner)) throw notFound(id);
    running.cancel('it was cancelled');
    await running.ended;
  }

  /**
   * Removes requests whose time is over.
   *
   * @returns How many; with `dryRun`, how many it would be.
   */
  async purge(options: { readonly dryRun: boolean } = { dryRun: false }): Promise<number> {
    const { store, files, clock, keepSeconds } = this.#options;
    const beforeUs = clock.nowUs() - keepSeconds * 1_000_000;
    if (options.dryRun) return store.countEnded(beforeUs);
    for (let count = 0; ; ) {
      const { removed, withFile } = await store.removeEnded(beforeUs, REQUEST_LIMITS.purgeRowsMax);
      for (const id of withFile) await files.remove(id);
      count += removed;
      if (removed < REQUEST_LIMITS.purgeRowsMax) return count;
    }
  }

  async #storedEnd(caller: Caller, id: number): Promise<RequestEnd | null> {
    const stored = await this.#options.store.find(id);
    if (stored === null || !mayAccess(caller, stored)) throw notFound(id);
    return stored.end;
  }

  /** Stores how a run ended. Called exactly once per request; never rejects. */
  async #finish(request: { id: number; method: string; owner: Ownership }, end: RunEnd) {
    const { store, clock, logger } = this.#options;
    const { id, owner } = request;
    let stored: RequestEnd;
    try {
      stored = await this.#storable(request, end);
      await store.finish(id, stored, clock.nowUs());
    } catch (error) {
      logger.error({ err: error, requestId: id }, 'the end of a request could not be stored');
      const message = 'Cannot keep the result: the server could not store it';
      stored = { status: 'error', error: { code: 'internal', message, details: {} } };
      await store.finish(id, stored, clock.nowUs()).catch(() => {});
    }
    this.#running.delete(id);
    this.#release(owner.owner);
    this.#notify(id, owner, stored);
  }

  async #storable(request: { id: number; method: string }, end: RunEnd): Promise<RequestEnd> {
    if (!end.ok) return { status: 'error', error: this.#failure(request, end.error) };
    const value = isStoredJson(end.value)
      ? end.value
      : new JsonText(JSON.stringify(end.value ?? null));
    if (value instanceof JsonFile) {
      const resultFileBytes = await this.#options.files.adopt(request.id, value);
      return { status: 'success', resultFileBytes };
    }
    if (value.text.length <= REQUEST_LIMITS.resultInDatabaseBytesMax) {
      return { status: 'success', resultJson: value.text };
    }
    const resultFileBytes = await this.#options.files.writeText(request.id, value.text);
    return { status: 'success', resultFileBytes };
  }

  #failure(request: { id: number; method: string }, error: unknown): RequestFailure {
    if (error instanceof CommandError) {
      return { code: error.code, message: error.message, details: error.details };
    }
    const { logger } = this.#options;
    logger.error({ err: error, method: request.method, requestId: request.id }, 'a request failed');
    return {
      code: 'internal',
      message: `Cannot finish "${request.method}": the server failed unexpectedly; its log has request ${request.id}`,
      details: {},
    };
  }

  #take(owner: string, method: string): void {
    const count = this.#runningByOwner.get(owner) ?? 0;
    const { runningPerOwnerMax, runningMax } = REQUEST_LIMITS;
    if (count >= runningPerOwnerMax || this.#runningCount >= runningMax) {
      throw new CommandError(
        'too_many_requests',
        `Cannot start "${method}": ${count} requests of yours and ${this.#runningCount} in all are running, expected fewer than ${runningPerOwnerMax} and ${runningMax}`,
      );
    }
    this.#runningByOwner.set(owner, count + 1);
    this.#runningCount += 1;
  }

  #release(owner: string): void {
    const left = (this.#runningByOwner.get(owner) ?? 1) - 1;
    if (left > 0) this.#runningByOwner.set(owner, left);
    else this.#runningByOwner.delete(owner);
    this.#runningCount -= 1;
  }

  #notify(id: number, owner: Ownership, end: RequestEnd | null): void {
    const progress = this.#running.get(id)?.counters ?? null;
    this.#options.notifier.publish('requests', owner, structureOf(id, end, progress));
  }
}
