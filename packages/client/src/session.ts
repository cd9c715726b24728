/**
 * A session that outlives its connections: it connects, logs in, and when the connection breaks it
 * comes back with growing delays, tells the server again who it is, and repeats the calls that were
 * in flight, except those that change something and may have been carried out already: they are
 * repeated only with an `idempotencyKey`.
 */
import { CommandError, definitionOf, type MethodName } from '@jetstream/contract';
import { RECONNECT_DEFAULTS, type ReconnectOptions, reconnectDelayMs } from './back-off.js';
import type { ClientClock } from './clock.js';
import { BrokenConnection } from './connection.js';
import type { CallOptions } from './interfaces.js';
import type { LoginState } from './login-state.js';
import { within } from './waiting.js';

/** Connections on which one call may break before it is given up. */
const REPEATS_MAX = 5;
/** Calls that may wait for a connection to come back. */
const WAITING_MAX = 10_000;
const CLOSE_TOO_LARGE = 1009;
/** Failures of a new attempt that no further attempt will mend. */
const FATAL = new Set(['server_identity_changed', 'auth_failed', 'permission_denied']);

/** One connection as the session sees it. */
export interface SessionLink {
  readonly closed: Promise<BrokenConnection>;
  call(method: MethodName, params: object): Promise<unknown>;
  close(): Promise<void>;
}

/** What happens to a session, by name of the event. */
export interface SessionEvents {
  /** The connection broke; calls wait while the session tries to come back. */
  readonly disconnect: { readonly reason: string };
  /** A new connection stands and the login has been repeated. */
  readonly reconnect: { readonly attempts: number };
  /** The session is over: closed by the caller, or given up with an error. */
  readonly close: { readonly error: CommandError | null };
}

/** What a session is made of. */
export interface SessionOptions<Link extends SessionLink> {
  /** `host:port`, for messages. */
  readonly address: string;
  /** Opens a connection to the accepted server; the login is the session's affair. */
  readonly open: () => Promise<Link>;
  /** Runs on the first connection, before any call; may log in. */
  readonly begin: (link: Link) => Promise<void>;
  readonly login: LoginState;
  readonly clock: ClientClock;
  readonly random: () => number;
  /** `false` ends the session with its first connection. */
  readonly reconnect: ReconnectOptions | false;
  readonly emit: <Name extends keyof SessionEvents>(name: Name, event: SessionEvents[Name]) => void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: CommandError) => void;
}

/** A session with one server. */
export class Session<Link extends SessionLink> {
  readonly #options: SessionOptions<Link>;
  #link: Link | null = null;
  #connecting: Promise<void> | null = null;
  /** Whether a connection has stood before, so that calls wait for the next one. */
  #started = false;
  #ended: CommandError | null = null;
  readonly #waiting = new Set<Waiter>();
  #wakeUp: () => void = () => undefined;

  constructor(options: SessionOptions<Link>) {
    this.#options = options;
  }

  /** The open connection, or null. */
  get link(): Link | null {
    return this.#link;
  }

  /** Opens the first connection; does nothing when one stands. */
  connect(): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#link !== null) return Promise.resolve();
    if (this.#started) return this.#nextLink();
    this.#connecting ??= this.#establish(this.#options.begin).finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /**
   * Calls a method; see {@link Session} for what happens when the connection breaks.
   *
   * @param options `onLate` gets the answer when it comes after the caller has stopped waiting.
   */
  call(
    method: MethodName,
    params: object,
    options: CallOptions & { readonly onLate?: (result: unknown) => void },
  ): Promise<unknown> {
    const { clock, login } = this.#options;
    const prepared = login.prepare(method, params);
    const ticket = { abandoned: options.signal?.aborted ?? false };
    const work = this.#perform(method, prepared, ticket);
    if (options.signal === undefined && options.timeoutMs === undefined) return work;
    work.then(
      (result) => {
        if (ticket.abandoned) options.onLate?.(result);
      },
      () => undefined,
    );
    return within(work, options, { what: `call "${method}"`, clock }).catch((error: unknown) => {
      ticket.abandoned = true;
      throw error;
    });
  }

  /** Ends the session; calls in flight fail with `connection_lost`. */
  async close(): Promise<void> {
    if (this.#ended !== null) return;
    const link = this.#link;
    const connecting = this.#connecting;
    this.#end(this.#lost('the session was closed'), null);
    await link?.close();
    await connecting?.catch(() => undefined);
  }

  async #perform(
    method: MethodName,
    params: object,
    ticket: { abandoned: boolean },
  ): Promise<unknown> {
    const { mutates: changes } = definitionOf(method);
    // The server carries a call with such a key out once, however often it comes.
    const isKeyed = typeof (params as { idempotencyKey?: unknown }).idempotencyKey === 'string';
    const mutates = changes && !isKeyed;
    for (let attempt = 1; ; attempt += 1) {
      const link = this.#link ?? (await this.#readyLink(method));
      if (ticket.abandoned) return null;
      try {
        const result = await link.call(method, params);
        this.#options.login.record(method, params, result);
        return result;
      } catch (error) {
        if (!(error instanceof BrokenConnection)) throw error;
        if (this.#link === link) this.#link = null;
        if (error.closeCode === CLOSE_TOO_LARGE) {
          const text = `Cannot call "${method}": ${error.reason || 'a message was too large'}`;
          throw new CommandError('message_too_large', text, { details: { method } });
        }
        if (mutates || attempt >= REPEATS_MAX || this.#ended !== null) {
          throw this.#lost(`the connection broke while "${method}" was in flight`, {
            method,
            mutates,
            cause: error,
          });
        }
      }
    }
  }

  async #readyLink(method: MethodName): Promise<Link> {
    if (this.#ended !== null) throw this.#ended;
    if (!this.#started) {
      throw this.#lost(`"${method}" was called before connect()`, { method });
    }
    for (;;) {
      await this.#nextLink();
      if (this.#link !== null) return this.#link;
    }
  }

  #nextLink(): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#waiting.size >= WAITING_MAX) {
      const text = `Cannot wait for "${this.#options.address}": ${WAITING_MAX} calls wait already`;
      return Promise.reject(new CommandError('too_many_requests', text));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.add({ resolve, reject });
    });
  }

  async #establish(begin: (link: Link) => Promise<void>): Promise<void> {
    const link = await this.#options.open();
    try {
      await begin(link);
    } catch (error) {
      await link.close();
      throw error instanceof BrokenConnection ? this.#lost(error.message) : error;
    }
    if (this.#ended !== null) {
      await link.close();
      throw this.#ended;
    }
    this.#link = link;
    this.#started = true;
    void link.closed.then((broken) => this.#onBroken(link, broken));
    for (const waiter of this.#takeWaiting()) waiter.resolve();
  }

  async #onBroken(link: Link, broken: BrokenConnection): Promise<void> {
    if (this.#link === link) this.#link = null;
    if (this.#ended !== null) return;
    this.#options.emit('disconnect', { reason: broken.message });
    if (this.#options.reconnect === false) {
      const lost = this.#lost(broken.message);
      this.#end(lost, lost);
      return;
    }
    await this.#comeBack(this.#options.reconnect);
  }

  async #comeBack(settings: ReconnectOptions): Promise<void> {
    const { clock, random, emit } = this.#options;
    const limits = { ...RECONNECT_DEFAULTS, ...settings };
    const giveUpAt = clock.now() + limits.giveUpAfterMs;
    for (let attempt = 0; this.#ended === null; attempt += 1) {
      await this.#pause(reconnectDelayMs(attempt, { ...limits, random: random() }));
      if (this.#ended !== null) return;
      try {
        await this.#establish((link) => this.#replay(link));
        emit('reconnect', { attempts: attempt + 1 });
        return;
      } catch (error) {
        if (this.#ended !== null) return;
        const failure = error instanceof CommandError ? error : this.#lost(String(error));
        if (FATAL.has(failure.code)) {
          this.#end(failure, failure);
        } else if (clock.now() >= giveUpAt) {
          const text = `no connection for ${limits.giveUpAfterMs} ms (${failure.message})`;
          const lost = this.#lost(text);
          this.#end(lost, lost);
        }
      }
    }
  }

  async #replay(link: Link): Promise<void> {
    for (const { method, params } of this.#options.login.replay()) await link.call(method, params);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.setTimer(ms, resolve);
      this.#wakeUp = () => {
        cancel();
        resolve();
      };
    });
  }

  /** @param reported What the `close` event says: null when the caller wanted it. */
  #end(error: CommandError, reported: CommandError | null): void {
    this.#ended = error;
    this.#link = null;
    this.#options.login.clear();
    for (const waiter of this.#takeWaiting()) waiter.reject(error);
    this.#wakeUp();
    this.#options.emit('close', { error: reported });
  }

  #takeWaiting(): Waiter[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  #lost(
    reason: string,
    facts: { method?: MethodName; mutates?: boolean; cause?: unknown } = {},
  ): CommandError {
    const { method, mutates, cause } = facts;
    const advice = mutates ? '; it may have been carried out, so look before repeating it' : '';
    const text = `Cannot reach "${this.#options.address}": ${reason}${advice}`;
    const details = { address: this.#options.address, ...(method === undefined ? {} : { method }) };
    return new CommandError('connection_lost', text, { details, cause });
  }
}
