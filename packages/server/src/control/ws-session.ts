/**
 * One WebSocket connection at `/rpc`: a session. Calls may be pipelined; replies come in the order
 * in which the calls end.
 */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { Login, Topic } from '../sessions/session.js';
import type { OpenSession, SessionRegistry } from '../sessions/session-registry.js';
import type { Dispatcher } from './dispatcher.js';
import { CONTROL_LIMITS } from './limits.js';
import type { MessageBudget } from './message-budget.js';
import { answerMessage, rpcError } from './rpc-messages.js';
import { SessionInput } from './session-input.js';
import { SessionOutput } from './session-output.js';

/** @see RFC 6455, section 7.4.1 */
const CLOSE_TOO_LARGE = 1009;
const CLOSE_OVERLOADED = 1013;
const CLOSE_IDLE = 4408;
const CLOSE_OLD = 4409;

/** What the WebSocket library closes with by itself, and what the client is told about it. */
const REASONS: Readonly<Record<number, string>> = {
  1002: 'protocol error',
  1007: 'the message is not UTF-8',
  1009: `message too large, expected at most ${CONTROL_LIMITS.messageBytesMax} bytes`,
};

/** How long sessions with a login may live. */
export interface SessionLifetimes {
  /** Without calling anything. */
  readonly idleMs: number;
  /** From the login on. */
  readonly totalMs: number;
}

export interface WsSessionOptions {
  readonly socket: WebSocket;
  readonly stream: Socket;
  readonly address: string;
  readonly dispatcher: Dispatcher;
  readonly registry: SessionRegistry;
  readonly budget: MessageBudget;
  readonly clock: Clock;
  readonly lifetimes: SessionLifetimes;
}

export class WsSession implements OpenSession {
  readonly id = randomUUID();
  readonly address: string;
  readonly topics = new Set<Topic>();
  readonly #socket: WebSocket;
  readonly #input: SessionInput;
  readonly #output: SessionOutput;
  readonly #dispatcher: Dispatcher;
  readonly #clock: Clock;
  readonly #lifetimes: SessionLifetimes;
  readonly #gone = new AbortController();
  #login: Login | null = null;
  #openCalls = 0;
  #lastCallMs: number;
  #loginMs = 0;
  #awaitsPong = false;

  constructor(options: WsSessionOptions) {
    this.address = options.address;
    this.#socket = options.socket;
    const { socket, stream, budget } = options;
    this.#output = new SessionOutput(socket, stream);
    this.#input = new SessionInput({
      ...{ socket, stream, budget },
      owner: () => this.login?.caller.userName ?? null,
      onExcess: (owner) => this.#refuseExcess(owner),
    });
    this.#dispatcher = options.dispatcher;
    this.#clock = options.clock;
    this.#lifetimes = options.lifetimes;
    this.#lastCallMs = options.clock.monotonicMs();
    // Each waiting call listens; their number has a limit of its own.
    setMaxListeners(0, this.#gone.signal);
    this.#explainClosing();
    options.registry.add(this);
    this.#socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    this.#socket.on('pong', () => {
      this.#awaitsPong = false;
    });
    this.#socket.once('close', () => {
      options.registry.remove(this);
      this.#gone.abort();
    });
  }

  get login(): Login | null {
    const credential = this.#login?.credential;
    if (credential?.kind === 'token' && credential.expiryTimeUs !== null) {
      if (this.#clock.nowUs() >= credential.expiryTimeUs) this.setLogin(null);
    }
    return this.#login;
  }

  setLogin(login: Login | null): void {
    const same = login?.caller.userName === this.#login?.caller.userName;
    if (!same || login?.caller.token?.id !== this.#login?.caller.token?.id) this.topics.clear();
    // Elevation and a changed expiry go on with the login; a new one starts anew.
    if (login?.credential.kind !== this.#login?.credential.kind || !same) {
      this.#loginMs = this.#clock.monotonicMs();
    }
    this.#login = login;
  }

  subscribe(topics: readonly Topic[]): void {
    for (const topic of topics) this.topics.add(topic);
  }

  unsubscribe(topics: readonly Topic[]): void {
    for (const topic of topics) this.topics.delete(topic);
  }

  deliver(text: string): Promise<boolean> {
    return this.#output.deliver(text);
  }

  notify(text: string): void {
    this.#output.notify(text);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  checkLife(): void {
    if (this.#output.held) return;
    if (this.#awaitsPong) {
      this.#socket.terminate();
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    if (this.login !== null && nowMs - this.#loginMs > this.#lifetimes.totalMs) {
      this.#socket.close(CLOSE_OLD, 'the login is too old, log in again');
      return;
    }
    const idleMsMax = this.login === null ? CONTROL_LIMITS.anonymousIdleMs : this.#lifetimes.idleMs;
    const busy = this.#openCalls > 0 || this.topics.size > 0;
    if (!busy && nowMs - this.#lastCallMs > idleMsMax) {
      this.#socket.close(CLOSE_IDLE, 'the session was idle for too long');
      return;
    }
    this.#awaitsPong = true;
    this.#socket.ping();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#lastCallMs = this.#clock.monotonicMs();
    const hold = this.#input.take();
    if (isBinary) {
      hold?.release();
      const error = new CommandError(
        'invalid_request',
        'Cannot read the message: it is binary, expected text',
      );
      this.#output.send(JSON.stringify({ jsonrpc: '2.0', id: null, error: rpcError(error) }));
      return;
    }
    void answerMessage(data.toString('utf8'), this.#call)
      .finally(() => hold?.release())
      .then((reply) => {
        if (reply !== null) this.#output.send(reply);
      });
  }

  readonly #call = async (method: string, params: unknown): Promise<unknown> => {
    const { openCallsPerSessionMax } = CONTROL_LIMITS;
    if (this.#openCalls >= openCallsPerSessionMax) {
      throw new CommandError(
        'too_many_requests',
        `Cannot call "${method.slice(0, 100)}": ${this.#openCalls} calls of this session are open, expected fewer than ${openCallsPerSessionMax}`,
      );
    }
    this.#openCalls += 1;
    try {
      return await this.#dispatcher.call(method, params, {
        caller: this.login?.caller ?? null,
        session: this,
        signal: this.#gone.signal,
      });
    } finally {
      this.#openCalls -= 1;
    }
  };

  /** What still comes is dropped, the client's goodbye with it. */
  #refuseExcess(owner: string | null): void {
    const { strangerMessageBytesMax: bytesMax, closeMs } = CONTROL_LIMITS;
    if (owner !== null) this.close(CLOSE_OVERLOADED, 'too much is being received at once');
    else
      this.close(
        CLOSE_TOO_LARGE,
        `message too large, expected at most ${bytesMax} bytes before a login`,
      );
    this.#clock.after(closeMs, () => this.terminate());
  }

  /** The library closes with a code alone; the client should also read why. */
  #explainClosing(): void {
    const close = this.#socket.close.bind(this.#socket);
    this.#socket.close = (code, reason) => close(code, reason ?? REASONS[code ?? 0]);
  }
}
