/**
 * A server for the client's tests: TLS, WebSocket and JSON-RPC are real, parameters are checked
 * against the contract, and what methods answer is up to each test. It can drop connections, go
 * away, and come back under another identity.
 */
import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  CommandError,
  definitionOf,
  ERRORS,
  isMethodName,
  RPC_LIMITS,
  type RpcCall,
} from '@jetstream/contract';
import { X509CertificateGenerator } from '@peculiar/x509';
import { type WebSocket, WebSocketServer } from 'ws';
import { fingerprintOf } from './server-identity.js';

/** Key and certificate of a server. */
export interface FakeIdentity {
  readonly key: string;
  readonly cert: string;
  readonly fingerprint: string;
}

/** Makes a new identity; two are never the same. */
export const makeIdentity = async (): Promise<FakeIdentity> => {
  const keys = (await webcrypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=fake',
    keys,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: { name: 'Ed25519' },
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const cert = certificate.toString('pem');
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    cert,
    fingerprint: fingerprintOf(new X509Certificate(cert)),
  };
};

/** What a method answers. */
export type FakeMethod = (params: Record<string, unknown>, session: FakeSession) => unknown;

/** One connection as a fake method sees it. */
export interface FakeSession {
  user: string | null;
  readonly socket: WebSocket;
}

/** How to start a fake server. */
export interface FakeServerOptions {
  readonly identity: FakeIdentity;
  /** 0 lets the system choose. */
  readonly port?: number;
  /** Beside or in place of the built-in `auth`, `echo` and the like. */
  readonly methods?: Readonly<Record<string, FakeMethod>>;
}

/** A running fake server. */
export class FakeServer {
  readonly port: number;
  /** Names of the methods that were called, in order. */
  readonly calls: string[] = [];
  /** Bytes that clients have sent inside TLS. */
  bytesReceived = 0;
  readonly #server: Server;
  readonly #sockets = new Set<WebSocket>();
  readonly #methods: Record<string, FakeMethod>;

  private constructor(server: Server, methods: Readonly<Record<string, FakeMethod>>) {
    this.#server = server;
    this.#methods = { ...builtIn, ...methods };
    this.port = (server.address() as AddressInfo).port;
    server.on('secureConnection', (socket) => {
      socket.on('data', (data: Buffer) => {
        this.bytesReceived += data.length;
      });
    });
    const sockets = new WebSocketServer({ server, maxPayload: RPC_LIMITS.messageBytesMax });
    sockets.on('connection', (socket) => {
      this.#sockets.add(socket);
      const session: FakeSession = { user: null, socket };
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer) => void this.#answer(session, data.toString('utf8')));
    });
  }

  static async start(options: FakeServerOptions): Promise<FakeServer> {
    const { key, cert } = options.identity;
    const server = createServer({ key, cert, minVersion: 'TLSv1.3' });
    await new Promise<void>((resolve) => {
      server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return new FakeServer(server, options.methods ?? {});
  }

  /** Number of open sessions. */
  get sessions(): number {
    return this.#sockets.size;
  }

  /** Sends a notification to every session. */
  notify(topic: string, item: unknown): void {
    for (const socket of this.#sockets) {
      socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'notify', params: { topic, item } }));
    }
  }

  /** Breaks every connection without a goodbye. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  /** Stops listening and breaks every connection. */
  async stop(): Promise<void> {
    this.dropAll();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(session: FakeSession, text: string): Promise<void> {
    const { id, method, params } = JSON.parse(text) as RpcCall;
    this.calls.push(method);
    try {
      const result = await this.#dispatch(session, method, params as Record<string, unknown>);
      session.socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { code, message, details } = error;
      const body = { code: ERRORS[code].rpcCode, message, data: { code, details } };
      session.socket.send(JSON.stringify({ jsonrpc: '2.0', id, error: body }));
    }
  }

  #dispatch(session: FakeSession, method: string, params: Record<string, unknown>): unknown {
    if (!isMethodName(method)) throw new CommandError('unknown_method', `Cannot find "${method}"`);
    const definition = definitionOf(method);
    if (definition.access !== 'public' && session.user === null) {
      throw new CommandError('not_authenticated', `Cannot call "${method}": not logged in`);
    }
    const parsed = definition.params.safeParse(params);
    if (!parsed.success) throw new CommandError('invalid_params', parsed.error.message);
    const run = this.#methods[method];
    if (run === undefined) throw new CommandError('internal', `The fake has no "${method}"`);
    return run(parsed.data, session);
  }
}

const builtIn: Readonly<Record<string, FakeMethod>> = {
  auth: ({ userName, password }, session) => {
    if (password !== 'secret') {
      throw new CommandError('auth_failed', 'Cannot log in: user name or password is wrong');
    }
    session.user = String(userName);
    return null;
  },
  authToken: ({ token }, session) => {
    if (!String(token).endsWith('good')) {
      throw new CommandError('auth_failed', 'Cannot log in: the token is wrong');
    }
    session.user = 'token owner';
    return null;
  },
  echo: ({ text }) => text ?? null,
  superuser: () => null,
  subscribe: () => null,
};
