/**
 * The API of one server: `api.server`, `api.send`, `api.recv`, events, and the life of the session
 * behind them.
 */
import {
  CommandError,
  type MethodName,
  type ParamsInput,
  type RequestResult,
  type Result,
  type RpcNotification,
} from '@jetstream/contract';
import type { ReconnectOptions } from './back-off.js';
import { type ClientClock, systemClock } from './clock.js';
import { type Connection, openConnection } from './connection.js';
import {
  buildInterfaces,
  type CallOptions,
  type RecvInterface,
  type SendInterface,
  type ServerInterface,
} from './interfaces.js';
import { FileKnownServers, type KnownServers, serverAddress } from './known-servers.js';
import { Listeners } from './listeners.js';
import { defaultLocalKeyFiles, isLoopback, type LocalKey, readLocalKey } from './local-key.js';
import { type Credentials, LoginState, loginCall } from './login-state.js';
import { judgeIdentity, openTls } from './server-identity.js';
import { Session, type SessionEvents } from './session.js';
import { within } from './waiting.js';

/** Milliseconds that connecting may take. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** Milliseconds between pings. */
export const PING_INTERVAL_MS = 15_000;

/** Settings of a client; all have defaults. */
export interface JetStreamOptions {
  /** Logs in while connecting. Without them, see `localKeyFile`, or call `api.server.auth`. */
  readonly credentials?: Credentials;
  /** The only key accepted: `SHA256:` and base64; nothing is looked up or remembered then. */
  readonly fingerprint?: string;
  /** Where identities of servers are remembered; the user's `known_servers` file by default. */
  readonly knownServers?: KnownServers;
  /**
   * Key file of a server of the same user. By default the usual places are tried when the server is
   * on this machine; `false` tries none. The key is sent only to the server that the file names.
   */
  readonly localKeyFile?: string | false;
  /** Milliseconds that connecting may take; default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds between pings; default 15,000. */
  readonly pingIntervalMs?: number;
  /** How to come back after the connection broke; `false` never does. */
  readonly reconnect?: ReconnectOptions | false;
  readonly clock?: ClientClock;
  /** Numbers from 0 to 1 that spread reconnects in time. */
  readonly random?: () => number;
}

/** Events of an {@link Api}. */
export interface ApiEvents extends SessionEvents {
  /** Something that was subscribed to has changed. */
  readonly notify: RpcNotification['params'];
}

/** Where the server is. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
}

/** API of one server; made by `new JetStream().api(host, port)`. */
export class Api implements AsyncDisposable {
  readonly server: ServerInterface;
  readonly send: SendInterface;
  readonly recv: RecvInterface;
  readonly host: string;
  readonly port: number;
  readonly #options: JetStreamOptions;
  readonly #clock: ClientClock;
  readonly #listeners = new Listeners<ApiEvents>();
  readonly #login = new LoginState();
  readonly #session: Session<Connection>;
  #fingerprint: string | null = null;
  #localKey: LocalKey | null = null;
  #localAddress: string | null = null;

  constructor(place: ServerPlace, options: JetStreamOptions) {
    this.host = place.host;
    this.port = place.port;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#session = new Session<Connection>({
      address: this.address,
      open: () => this.#open(),
      begin: (link) => this.#begin(link),
      login: this.#login,
      clock: this.#clock,
      random: options.random ?? Math.random,
      reconnect: options.reconnect ?? {},
      emit: (name, event) => this.#listeners.emit(name, event as ApiEvents[typeof name]),
    });
    const interfaces = buildInterfaces({
      call: (method, params, call) => this.#session.call(method, params, call),
      request: (method, params, call) => this.#request(method, params, call),
    });
    this.server = interfaces.server;
    this.send = interfaces.send;
    this.recv = interfaces.recv;
  }

  /** `host:port`, as remembered and shown. */
  get address(): string {
    return serverAddress(this.host, this.port);
  }

  /** Whether a connection stands now. */
  get connected(): boolean {
    return this.#session.link !== null;
  }

  /** Whether a login has succeeded, by credentials or by the local key. */
  get authenticated(): boolean {
    return this.#login.authenticated;
  }

  /** Fingerprint of the server's key; null before the first connection. */
  get fingerprint(): string | null {
    return this.#fingerprint;
  }

  /** This machine's address on the way to the server; null before the first connection. */
  get localAddress(): string | null {
    return this.#localAddress;
  }

  /**
   * Connects, checks the server's identity, and logs in when there are credentials or a local key.
   *
   * @throws {CommandError} `connection_lost`, `server_identity_changed`, `auth_failed`.
   */
  connect(): Promise<void> {
    return this.#session.connect();
  }

  /** Ends the session and forgets the credentials; calls in flight fail with `connection_lost`. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /**
   * Calls a method by its wire name with all parameters in one object; for programs that choose the
   * method at run time.
   */
  call<M extends MethodName>(
    method: M,
    params: ParamsInput<M>,
    options: CallOptions = {},
  ): Promise<Result<M>> {
    return this.#session.call(method, params, options) as Promise<Result<M>>;
  }

  /** Submits an `…Async` method by its wire name and waits for the result of the request. */
  request<M extends MethodName>(
    method: M,
    params: ParamsInput<M>,
    options: CallOptions = {},
  ): Promise<RequestResult<M>> {
    return this.#request(method, params, options) as Promise<RequestResult<M>>;
  }

  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof ApiEvents>(
    name: Name,
    listener: (event: ApiEvents[Name]) => void,
  ): () => void {
    return this.#listeners.on(name, listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<Connection> {
    const { host, port } = this;
    const timeoutMs = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const tls = await openTls({ host, port, timeoutMs });
    try {
      this.#localKey = await judgeIdentity(tls.fingerprint, {
        host,
        port,
        fingerprint: this.#options.fingerprint ?? null,
        localKeys: this.#localKeys(),
        knownServers: this.#options.knownServers ?? new FileKnownServers(),
      });
    } catch (error) {
      tls.socket.destroy();
      throw error;
    }
    this.#fingerprint = tls.fingerprint;
    const connection = await openConnection(tls, {
      host,
      port,
      clock: this.#clock,
      timeoutMs,
      pingIntervalMs: this.#options.pingIntervalMs ?? PING_INTERVAL_MS,
      onNotification: (params) => {
        this.#login.notified(params);
        this.#listeners.emit('notify', params);
      },
    });
    this.#localAddress = connection.localAddress;
    return connection;
  }

  #localKeys(): LocalKey[] {
    const { localKeyFile } = this.#options;
    if (localKeyFile === false) return [];
    if (localKeyFile === undefined && !isLoopback(this.host)) return [];
    const files = localKeyFile === undefined ? defaultLocalKeyFiles() : [localKeyFile];
    return files.map(readLocalKey).filter((key) => key !== null);
  }

  async #begin(connection: Connection): Promise<void> {
    const { credentials } = this.#options;
    const wanted = credentials ?? (this.#localKey === null ? null : { token: this.#localKey.key });
    if (wanted === null) return;
    const { method, params } = loginCall(wanted);
    try {
      const result = await connection.call(method, params);
      this.#login.record(method, params, result);
    } catch (error) {
      // The key file may be older than the server; without credentials one can still log in later.
      const isStaleKey = error instanceof CommandError && error.code === 'auth_failed';
      if (credentials !== undefined || !isStaleKey) throw error;
    }
  }

  /** Submits a request and waits for its result, over reconnects if need be. */
  async #request(method: MethodName, params: object, call: CallOptions): Promise<unknown> {
    const cancel = (handle: unknown): void => {
      if (!call.signal?.aborted || handle === null) return;
      const { requestId } = handle as { requestId: number };
      // Nobody waits for it any more; whether this arrives makes no difference to the caller.
      this.#session.call('cancelRequest', { requestId }, {}).catch(() => undefined);
    };
    const run = async (): Promise<unknown> => {
      const handle = await this.#session.call(method, params, { ...call, onLate: cancel });
      const { requestId } = handle as { requestId: number };
      try {
        return await this.#session.call('getRequestResult', { requestId }, call);
      } catch (error) {
        cancel(handle);
        throw error;
      }
    };
    return within(run(), call, { what: `wait for "${method}"`, clock: this.#clock });
  }
}
