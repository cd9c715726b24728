/**
 * Calls to the control API of another server: JSON over HTTPS. Nothing is sent before the other side
 * has proved who it is: by the identity key that is expected, or, without one, by a certificate that
 * the system trusts. One connection carries one call.
 */
import { request as httpRequest } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { CommandError, isErrorCode } from '@jetstream/contract';

const CONNECT_MS_MAX = 10_000;
/** Beyond what a call itself may take. */
const ANSWER_MS_MAX = 60_000;
/** Most bytes of an answer. */
export const REMOTE_ANSWER_BYTES_MAX = 16_777_216;
const RAW_KEY_BYTES = 32;

export interface RemoteServer {
  /** Host name or IP address. */
  readonly address: string;
  readonly port: number;
  /** Identity key that it must prove, base64; null for a certificate that the system trusts. */
  readonly publicKey: string | null;
  /** Value of the header `Authorization`. */
  readonly authorization: string;
  /** Session of a login by token. */
  readonly tokenSession: string;
}

/** Calls of one server to another. */
export interface RemoteControl {
  /**
   * @throws {CommandError} What the other server answered; `destination_unreachable` or
   * `peer_identity_mismatch` when there was no answer.
   */
  call(method: string, params: object, signal: AbortSignal): Promise<unknown>;
  /** Address of this server as the other one sees it; null before the first call. */
  readonly ownAddress: string | null;
}

const whereOf = ({ address, port }: RemoteServer): string => `${address}:${port}`;

/** Why TLS does not trust a certificate; see the documentation of Node, "X509 certificate error codes". */
const UNTRUSTED =
  /CERT|^UNABLE_TO_VERIFY_LEAF_SIGNATURE$|^UNABLE_TO_GET_ISSUER|^HOSTNAME_MISMATCH$/;

/** Nobody answers, or somebody whom the system does not know. */
const failedConnection = (server: RemoteServer, cause: unknown): CommandError => {
  const code = (cause as { code?: unknown } | null)?.code;
  if (server.publicKey !== null || typeof code !== 'string' || !UNTRUSTED.test(code)) {
    return unreachable(server, cause);
  }
  return new CommandError(
    'peer_identity_mismatch',
    `Cannot trust the server at "${whereOf(server)}": the system does not trust its certificate (${(cause as Error).message}), expected one that it trusts, or the key of the server as "remotePublicKey"`,
    { cause },
  );
};

const unreachable = (server: RemoteServer, cause: unknown): CommandError =>
  new CommandError(
    'destination_unreachable',
    `Cannot call the server at "${whereOf(server)}": ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );

/** Raw identity key in the certificate of a self-signed server; the handshake has proved it. */
const provedKey = (socket: TLSSocket): string | null => {
  const key = socket.getPeerX509Certificate()?.publicKey;
  if (key?.asymmetricKeyType !== 'ed25519') return null;
  return key.export({ type: 'spki', format: 'der' }).subarray(-RAW_KEY_BYTES).toString('base64');
};

const checkIdentity = (server: RemoteServer, socket: TLSSocket): void => {
  if (server.publicKey === null) return;
  const key = provedKey(socket);
  if (key === server.publicKey) return;
  throw new CommandError(
    'peer_identity_mismatch',
    `Cannot trust the server at "${whereOf(server)}": its certificate proves ${key === null ? 'no identity key' : `the key "${key}"`}, expected "${server.publicKey}"`,
  );
};

const openSocket = (server: RemoteServer, signal: AbortSignal): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const { address: host, port, publicKey } = server;
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({
      ...{ host, port, ...name, ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.3' },
      rejectUnauthorized: publicKey === null,
    });
    const fail = (cause: unknown): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      reject(cause instanceof CommandError ? cause : failedConnection(server, cause));
    };
    const stop = (): void => fail(signal.reason);
    const timer = setTimeout(() => fail('it does not answer'), CONNECT_MS_MAX);
    signal.addEventListener('abort', stop, { once: true });
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      try {
        checkIdentity(server, socket);
      } catch (error) {
        fail(error);
        return;
      }
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.off('error', fail);
      resolve(socket);
    });
  });

interface Answer {
  readonly status: number;
  readonly body: string;
}

const post = (
  socket: TLSSocket,
  { server, path, body }: { server: RemoteServer; path: string; body: string },
  signal: AbortSignal,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({
      ...{ method: 'POST', path, host: server.address, port: server.port, signal },
      // The TLS connection that has been checked, and no agent that would open another one.
      createConnection: () => socket,
      timeout: ANSWER_MS_MAX,
      headers: {
        authorization: server.authorization,
        'x-jetstream-token-session': server.tokenSession,
        'content-type': 'application/json',
        connection: 'close',
      },
    });
    request.on('error', (cause) => reject(unreachable(server, cause)));
    request.on('timeout', () => request.destroy(new Error('it does not answer')));
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > REMOTE_ANSWER_BYTES_MAX) request.destroy(new Error('its answer is too long'));
        else pieces.push(piece);
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(pieces).toString('utf8'),
        }),
      );
    });
    request.end(body);
  });

/** The error of an answer, in the words of the other server. */
const failureOf = (server: RemoteServer, answer: unknown): CommandError => {
  const error = (answer as { error?: { code?: unknown; message?: unknown } } | null)?.error;
  const code = isErrorCode(error?.code) ? error.code : 'internal';
  const message = typeof error?.message === 'string' ? error.message.slice(0, 2000) : 'no reason';
  return new CommandError(code, `The server at "${whereOf(server)}" says: ${message}`, {
    details: { remote: whereOf(server) },
  });
};

/** Opens no connection yet. */
export const openRemoteControl = (server: RemoteServer): RemoteControl => {
  let ownAddress: string | null = null;
  return {
    get ownAddress() {
      return ownAddress;
    },
    async call(method, params, signal) {
      const socket = await openSocket(server, signal);
      ownAddress = socket.localAddress?.replace(/^::ffff:/, '') ?? null;
      try {
        const path = `/api/${encodeURIComponent(method)}`;
        const { status, body } = await post(
          socket,
          { server, path, body: JSON.stringify(params) },
          signal,
        );
        let answer: unknown;
        try {
          answer = JSON.parse(body);
        } catch (cause) {
          throw unreachable(server, cause);
        }
        if (status !== 200) throw failureOf(server, answer);
        return answer;
      } finally {
        socket.destroy();
      }
    },
  };
};
