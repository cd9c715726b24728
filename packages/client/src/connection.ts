/**
 * One WebSocket connection that carries JSON-RPC 2.0: many calls in flight, answers in any order,
 * notifications, pings. It knows nothing of logins or of what comes after it breaks.
 */
import {
  CommandError,
  isErrorCode,
  type MethodName,
  RPC_LIMITS,
  type RpcErrorObject,
  type RpcNotification,
} from '@jetstream/contract';
import { WebSocket } from 'ws';
import type { ClientClock } from './clock.js';
import { serverAddress } from './known-servers.js';
import type { TlsConnection } from './server-identity.js';

/** Bytes of the longest answer that is read; a listing of a million entries fits. */
const ANSWER_BYTES_MAX = 480 * 1024 * 1024;
/** Milliseconds that a closing handshake may take. */
const CLOSE_MS_MAX = 1000;
/** Bytes of an HTTP answer that is read when the server refuses to open the WebSocket. */
const REFUSAL_BYTES_MAX = 64 * 1024;

/** Why a call has no answer: the connection broke while it was in flight. */
export class BrokenConnection extends Error {
  override readonly name = 'BrokenConnection';
  /** WebSocket close code; 1006 when the connection just vanished. */
  readonly closeCode: number;
  readonly reason: string;

  constructor(closeCode: number, reason: string) {
    super(reason === '' ? `the connection closed with code ${closeCode}` : reason);
    this.closeCode = closeCode;
    this.reason = reason;
  }
}

/** What a connection needs beside the socket. */
export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: ClientClock;
  /** Milliseconds between pings; the connection counts as broken when two stay unanswered. */
  readonly pingIntervalMs: number;
  /** Milliseconds for the WebSocket handshake. */
  readonly timeoutMs: number;
  readonly onNotification: (params: RpcNotification['params']) => void;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const errorFromServer = (error: RpcErrorObject): CommandError => {
  const code = isErrorCode(error.data?.code) ? error.data.code : 'internal';
  return new CommandError(code, error.message, { details: error.data?.details ?? {} });
};

/** Text of a call, refused before it is sent when the server would not take it. */
export const encodeCall = (id: number, method: MethodName, params: object): string => {
  const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
  const limit = RPC_LIMITS.messageBytesMax;
  // A character is at most three bytes of UTF-8, so short texts need no count.
  if (text.length * 3 > limit) {
    const bytes = Buffer.byteLength(text);
    if (bytes > limit) {
      throw new CommandError(
        'message_too_large',
        `Cannot call "${method}": the message has ${bytes} bytes, expected at most ${limit}`,
        { details: { method, bytes, limit } },
      );
    }
  }
  return text;
};

/** An open connection; use {@link openConnection}. */
export class Connection {
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<BrokenConnection>;
  /** Address of this machine as the server sees it when nothing translates in between. */
  readonly localAddress: string;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #options: ConnectionOptions;
  #nextId = 1;
  #stopPings: () => void = () => undefined;
  #heardSincePing = true;
  #quietPings = 0;

  constructor(socket: WebSocket, localAddress: string, options: ConnectionOptions) {
    this.#socket = socket;
    this.localAddress = localAddress;
    this.#options = options;
    socket.on('message', (data: Buffer) => this.#onMessage(data));
    socket.on('pong', () => {
      this.#heardSincePing = true;
    });
    // A 'close' event always follows an 'error' event.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#stopPings();
        const broken = new BrokenConnection(code, reason.toString('utf8'));
        for (const { reject } of this.#pending.values()) reject(broken);
        this.#pending.clear();
        resolve(broken);
      });
    });
    this.#schedulePing();
  }

  /**
   * Sends a call.
   *
   * @throws {CommandError} The server's error, or `message_too_large`.
   * @throws {BrokenConnection} When the connection ends first.
   */
  call(method: MethodName, params: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        reject(new BrokenConnection(1006, 'the connection is closing'));
        return;
      }
      const id = this.#nextId;
      this.#nextId += 1;
      const text = encodeCall(id, method, params);
      this.#pending.set(id, { resolve, reject });
      this.#socket.send(text);
    });
  }

  /** Says goodbye and waits a moment for the answer. */
  async close(): Promise<void> {
    this.#stopPings();
    this.#socket.close(1000);
    const cancel = this.#options.clock.setTimer(CLOSE_MS_MAX, () => this.#socket.terminate());
    await this.closed;
    cancel();
  }

  #onMessage(data: Buffer): void {
    this.#heardSincePing = true;
    let message: unknown;
    try {
      message = JSON.parse(data.toString('utf8'));
    } catch {
      this.#socket.close(1007, 'the server sent something that is not JSON');
      return;
    }
    if (typeof message !== 'object' || message === null) return;
    const { id, result, error, method, params } = message as {
      id?: unknown;
      result?: unknown;
      error?: RpcErrorObject;
      method?: unknown;
      params?: RpcNotification['params'];
    };
    if (typeof id === 'number') {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(result ?? null);
      else pending?.reject(errorFromServer(error));
    } else if (method === 'notify' && typeof params === 'object' && params !== null) {
      this.#options.onNotification(params);
    }
  }

  #schedulePing(): void {
    this.#stopPings = this.#options.clock.setTimer(this.#options.pingIntervalMs, () => {
      this.#quietPings = this.#heardSincePing ? 0 : this.#quietPings + 1;
      if (this.#quietPings >= 2) {
        this.#socket.terminate();
        return;
      }
      this.#heardSincePing = false;
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
      this.#schedulePing();
    });
  }
}

interface Refusal {
  readonly statusCode: number;
  readonly body: string;
}

const refused = (address: string, refusal: Refusal): CommandError => {
  try {
    const { error } = JSON.parse(refusal.body) as { error?: { code?: unknown; message?: unknown } };
    if (isErrorCode(error?.code) && typeof error.message === 'string') {
      return new CommandError(error.code, error.message, { details: { address } });
    }
  } catch {
    // Not one of our servers, or a proxy in between; the status says what there is to say.
  }
  return new CommandError(
    'connection_lost',
    `Cannot open a session at "${address}": HTTP status ${refusal.statusCode}, expected 101`,
    { details: { address, statusCode: refusal.statusCode } },
  );
};

/**
 * Opens the WebSocket on a TLS connection whose identity has been accepted.
 *
 * @throws {CommandError} `connection_lost`, or the error that the server answered with.
 */
export const openConnection = (
  tls: TlsConnection,
  options: ConnectionOptions,
): Promise<Connection> =>
  new Promise((resolve, reject) => {
    const address = serverAddress(options.host, options.port);
    const socket = new WebSocket(`wss://${address}/rpc`, {
      createConnection: () => tls.socket,
      handshakeTimeout: options.timeoutMs,
      maxPayload: ANSWER_BYTES_MAX,
      perMessageDeflate: false,
      followRedirects: false,
    });
    socket.once('error', (cause) => {
      tls.socket.destroy();
      const text = `Cannot open a session at "${address}": ${cause.message}`;
      reject(new CommandError('connection_lost', text, { details: { address }, cause }));
    });
    socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= REFUSAL_BYTES_MAX) chunks.push(chunk);
        else response.destroy();
      });
      response.once('close', () => {
        tls.socket.destroy();
        const body = Buffer.concat(chunks).toString('utf8');
        reject(refused(address, { statusCode: response.statusCode ?? 0, body }));
      });
    });
    socket.once('open', () => {
      resolve(new Connection(socket, tls.socket.localAddress ?? '', options));
    });
  });
