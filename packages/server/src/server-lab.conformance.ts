/**
 * For tests of the control plane: a server in this process with a state directory of its own, and
 * small clients that check every result against the contract.
 */
import { closeSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  definitionOf,
  METHODS,
  type MethodName,
  type ParamsInput,
  type Result,
} from '@jetstream/contract';
import { WebSocket } from 'ws';
import type { ManualClock } from './adapters/clock/manual-clock.js';
import type { ServerOptionsInput } from './config/server-options.js';
import type { Domain } from './start-domain.js';
import { type RunningServer, startServer } from './start-server.js';
import { openUsers } from './users/open-users.js';

const elsewhere = () => {
  throw new Error('what moves files has tests of its own');
};

/** Nothing but the control plane, which answers its own methods whatever stands here. */
const noDomain = (): Promise<Domain> =>
  Promise.resolve({
    handlers: Object.fromEntries(
      Object.keys(METHODS).map((name) => [name, elsewhere]),
    ) as unknown as Domain['handlers'],
    receiver: { port: 0, path: 'none', pathReason: 'test', onlyAuthorizedClientsAllowed: false },
    takeStream: ({ descriptor }) => closeSync(descriptor),
    garbage: [],
    figures: {
      traffic: () => ({ sentBytes: 12, receivedBytes: 34 }),
      unfinishedTransfers: () => new Map([['active', 2]]),
    },
    addPages: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  });

export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

/** An error as the API tells it. */
export interface ApiError {
  readonly code: string;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

/** A WebSocket with JSON-RPC on it. */
export class LabSocket {
  readonly socket: WebSocket;
  readonly notifications: { topic: string; item: Record<string, unknown> }[] = [];
  /** Replies without an id. */
  readonly strays: Record<string, unknown>[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #waiting = new Map<number, (message: Record<string, unknown>) => void>();
  #wake: () => void = () => {};
  #lastId = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) =>
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    socket.on('error', () => {});
    socket.on('message', (data) => this.#receive(String(data)));
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    if (message['method'] === 'notify') {
      this.notifications.push(message['params'] as (typeof this.notifications)[number]);
    } else if (typeof message['id'] === 'number') {
      this.#waiting.get(message['id'])?.(message);
      this.#waiting.delete(message['id']);
    } else {
      this.strays.push(message);
    }
    this.#wake();
  }

  /** Waits until something holds, looking again at each message. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a call as it is and resolves with the whole reply. */
  raw(method: string, params?: unknown): Promise<Record<string, unknown>> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Calls a method; its result must fit the contract. */
  async call<M extends MethodName>(method: M, params?: ParamsInput<M>): Promise<Result<M>> {
    const reply = await this.raw(method, params);
    if (reply['error'] !== undefined) {
      throw new Error(`${method}: ${JSON.stringify(reply['error'])}`);
    }
    return definitionOf(method).result.parse(reply['result']) as Result<M>;
  }

  /** Calls a method that must fail. */
  async fail(method: string, params?: unknown): Promise<ApiError> {
    const reply = await this.raw(method, params);
    return errorOf(reply);
  }

  /** Submits an `…Async` method and waits for its result, which must fit the contract. */
  async finish<M extends MethodName>(method: M, params?: ParamsInput<M>): Promise<unknown> {
    const { requestId } = (await this.call(method, params)) as { requestId: number };
    const result = await this.call('getRequestResult', { requestId });
    return definitionOf(method).requestResult?.parse(result);
  }

  /** Submits an `…Async` method whose request must fail. */
  async finishFailing<M extends MethodName>(method: M, params?: ParamsInput<M>): Promise<ApiError> {
    const { requestId } = (await this.call(method, params)) as { requestId: number };
    return this.fail('getRequestResult', { requestId });
  }
}

/** The error of a JSON-RPC reply in the form of `/api`. */
export const errorOf = (reply: Record<string, unknown>): ApiError => {
  const error = reply['error'] as { message: string; data: { code: string; details: object } };
  if (error === undefined)
    throw new Error(`expected an error, got ${JSON.stringify(reply).slice(0, 300)}`);
  const details = error.data.details as Record<string, unknown>;
  return { code: error.data.code, message: error.message, details };
};

export class ServerLab {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'jetstream-server-'));
  readonly clock: ManualClock | null;
  readonly #options: ServerOptionsInput;
  readonly #sockets = new Set<LabSocket>();
  #server: RunningServer | null = null;

  constructor(options: ServerOptionsInput = {}, clock: ManualClock | null = null) {
    this.#options = options;
    this.clock = clock;
  }

  get server(): RunningServer {
    if (this.#server === null) throw new Error('the server is not running');
    return this.#server;
  }

  get port(): number {
    return this.server.ready.apiPort;
  }

  get localKey(): string {
    const text = readFileSync(join(this.stateDir, 'local.key'), 'utf8');
    return (JSON.parse(text) as { key: string }).key;
  }

  async start(options: ServerOptionsInput = {}): Promise<void> {
    this.#server = await startServer(
      {
        apiPort: 0,
        recvPort: 0,
        apiHost: '127.0.0.1',
        logLevel: 'silent',
        persistentStateDir: this.stateDir,
        ...this.#options,
        ...options,
      },
      { startDomain: noDomain, ...(this.clock === null ? {} : { clock: this.clock }) },
    );
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#sockets) socket.terminate();
    this.#sockets.clear();
    await this.#server?.stop({ drainMs: 0 });
    this.#server = null;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  async addUser(name: string, password = `${name}-password`): Promise<void> {
    await using opened = await openUsers(this.stateDir);
    await opened.users.add(name, password);
  }

  /** One GET request, whatever comes back. */
  raw(path: string, headers: Record<string, string>): Promise<Omit<HttpAnswer, 'json'>> {
    return this.#request(path, { method: 'GET', headers });
  }

  async http(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<HttpAnswer> {
    const answer = await this.#request(path, options);
    const json: unknown = answer.text === '' ? null : JSON.parse(answer.text);
    return { ...answer, json };
  }

  #request(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<Omit<HttpAnswer, 'json'>> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: this.port,
          path,
          method: options.method ?? 'POST',
          headers: { 'content-type': 'application/json', ...options.headers },
          rejectUnauthorized: false,
          agent: false,
        },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8');
            const status = answer.statusCode ?? 0;
            resolve({ status, headers: answer.headers, text });
          });
        },
      );
      sent.on('error', reject);
      sent.end(options.body);
    });
  }

  /** One call by `POST /api`; its result must fit the contract. */
  async api<M extends MethodName>(method: M, params?: ParamsInput<M>, token?: string) {
    const answer = await this.http(`/api/${method}`, {
      body: JSON.stringify(params ?? {}),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    if (answer.status !== 200) throw new Error(`${method}: ${answer.text}`);
    return definitionOf(method).result.parse(answer.json) as Result<M>;
  }

  /** One call by `POST /api` that must fail. */
  async apiError(method: string, params: unknown, headers: Record<string, string> = {}) {
    const answer = await this.http(`/api/${method}`, { body: JSON.stringify(params), headers });
    if (answer.status === 200) throw new Error(`${method} did not fail: ${answer.text}`);
    return { status: answer.status, ...(answer.json as { error: ApiError }).error };
  }

  /** An open session, not logged in. */
  async connect(): Promise<LabSocket> {
    const url = `wss://127.0.0.1:${this.port}/rpc`;
    const socket = new WebSocket(url, { rejectUnauthorized: false, maxPayload: 0 });
    const lab = new LabSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    this.#sockets.add(lab);
    return lab;
  }

  /** A session of the account that runs the server. */
  async connectLocal(): Promise<LabSocket> {
    const session = await this.connect();
    await session.call('authToken', { token: this.localKey });
    return session;
  }

  /** A session of a built-in user made by `addUser`. */
  async connectUser(userName: string, password = `${userName}-password`): Promise<LabSocket> {
    const session = await this.connect();
    await session.call('auth', { userName, password });
    return session;
  }
}
