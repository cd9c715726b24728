/**
 * Opens the TLS connection and decides whether the other end is the server that is meant, before
 * one byte of a message or a credential is sent. Certificates are self-signed; what counts is the
 * public key, so a renewed certificate of the same key is the same server.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { CommandError } from '@jetstream/contract';
import { type KnownServers, serverAddress } from './known-servers.js';
import type { LocalKey } from './local-key.js';

/** `SHA256:` and base64 of the digest of a certificate's public key (SPKI, DER). */
export const fingerprintOf = (certificate: X509Certificate): string => {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const digest = createHash('sha256').update(spki).digest('base64').replace(/=+$/, '');
  return `SHA256:${digest}`;
};

/** A TLS connection whose other end has proved its identity. */
export interface TlsConnection {
  readonly socket: TLSSocket;
  /** Proved by the other end, see {@link fingerprintOf}. */
  readonly fingerprint: string;
}

/** Where to connect and how long to try. */
export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

const cannotConnect = (target: TlsTarget, cause: unknown): CommandError => {
  const address = serverAddress(target.host, target.port);
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason =
    code === 'ECONNREFUSED'
      ? 'nothing listens there'
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? 'the host name is unknown'
        : message || code || 'the connection broke';
  return new CommandError('connection_lost', `Cannot connect to "${address}": ${reason}`, {
    details: { address, reason: code ?? 'unknown' },
    cause,
  });
};

/**
 * Connects by TLS 1.3. The identity is proved but not yet judged, see {@link judgeIdentity}.
 *
 * @throws {CommandError} `connection_lost`.
 */
export const openTls = (target: TlsTarget): Promise<TlsConnection> =>
  new Promise((resolve, reject) => {
    const host = target.host.replace(/^\[(.*)\]$/, '$1');
    const socket = connect({
      host,
      port: target.port,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      // The certificate is self-signed; judgeIdentity takes the place of the usual check.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const fail = (cause: unknown): void => {
      socket.destroy();
      reject(cannotConnect(target, cause));
    };
    const timer = setTimeout(
      () => fail(new Error(`no answer within ${target.timeoutMs} ms`)),
      target.timeoutMs,
    );
    // Stays on: an error while the identity is being judged must not end the process.
    socket.on('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) {
        fail(new Error('the server shows no certificate'));
        return;
      }
      resolve({ socket, fingerprint: fingerprintOf(certificate) });
    });
  });

/** What a client expects of a server's identity. */
export interface IdentityExpectation {
  readonly host: string;
  readonly port: number;
  /** Pinned by the caller; nothing else counts then. */
  readonly fingerprint: string | null;
  /** Key files of servers on this machine that the caller may read. */
  readonly localKeys: readonly LocalKey[];
  readonly knownServers: KnownServers;
}

const changed = (
  address: string,
  facts: { actual: string; expected: string; file: string | null; line: number | null },
): CommandError => {
  const where =
    facts.file === null
      ? 'given by the caller'
      : `remembered in "${facts.file}"${facts.line === null ? '' : `, line ${facts.line}`}`;
  const advice =
    facts.file === null
      ? 'Ask its operator for the fingerprint'
      : `If its operator confirms the new key, run "jetstream forget ${address}" and connect again`;
  return new CommandError(
    'server_identity_changed',
    `Cannot trust "${address}": it shows the key ${facts.actual}, expected ${facts.expected} ` +
      `(${where}). Either the server was set up anew, or something answers in its place. ${advice}`,
    { details: { address, ...facts } },
  );
};

/**
 * Accepts or refuses a server: by the pinned fingerprint, else by a local key file that names its
 * key, else by what is remembered; a server met for the first time is remembered.
 *
 * @param actual Fingerprint that the server has proved.
 * @returns The local key of this very server, or null.
 * @throws {CommandError} `server_identity_changed`, with both fingerprints in message and details.
 */
export const judgeIdentity = async (
  actual: string,
  expected: IdentityExpectation,
): Promise<LocalKey | null> => {
  const localKey = expected.localKeys.find((key) => key.fingerprint === actual) ?? null;
  const address = serverAddress(expected.host, expected.port);
  if (expected.fingerprint !== null) {
    if (expected.fingerprint === actual) return localKey;
    throw changed(address, { actual, expected: expected.fingerprint, file: null, line: null });
  }
  if (localKey !== null) return localKey;
  const known = await expected.knownServers.remember(address, actual);
  if (known.fingerprint === actual) return null;
  const { fingerprint, file, line } = known;
  throw changed(address, { actual, expected: fingerprint, file, line });
};
