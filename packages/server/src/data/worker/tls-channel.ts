/**
 * TLS 1.3 without a socket: node:tls over a Duplex whose bytes travel in clear packets. Both sides
 * show their identity certificate; what counts is the Ed25519 key in it, which the other side pins.
 * The cipher of the data packets is agreed by ALPN, so that nobody on the way can lower it.
 */
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import type {
  Cipher,
  OpenSecureChannel,
  SecureChannelEvents,
  SecureChannelOptions,
} from '@jetstream/transport';
import { createKeySchedule } from './key-schedule.js';

const EXPORTER_LABEL = 'EXPORTER-jetstream-1';
const EXPORTED_BYTES = 64;
const CIPHERS: readonly Cipher[] = [0, 1, 2, 3];

export interface TlsIdentity {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
}

const protocolOf = (cipher: Cipher): string => `jetstream/1-c${cipher}`;

/** Ciphers that satisfy a floor, cheapest first. */
const ciphersFrom = (minCipher: number): Cipher[] =>
  CIPHERS.filter((cipher) => cipher >= minCipher);

const serverChoice =
  (minCipher: number) =>
  ({ protocols }: { protocols: string[] }): string | undefined =>
    ciphersFrom(minCipher)
      .map(protocolOf)
      .find((name) => protocols.includes(name));

const cipherOfProtocol = (protocol: string | false | null): Cipher | null =>
  CIPHERS.find((cipher) => protocolOf(cipher) === protocol) ?? null;

/** The raw Ed25519 key of the peer's certificate, or null when it has none. */
const peerKeyOf = (socket: tls.TLSSocket): Uint8Array | null => {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== 'ed25519') return null;
  const { x } = key.export({ format: 'jwk' });
  return x === undefined ? null : new Uint8Array(Buffer.from(x, 'base64url'));
};

const openSocket = (
  identity: TlsIdentity,
  options: SecureChannelOptions,
  wire: Duplex,
): tls.TLSSocket => {
  const shared = {
    key: identity.privateKeyPem,
    cert: identity.certificatePem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // Self-signed on both sides: trust comes from pinning the key, checked below.
    rejectUnauthorized: false,
  } as const;
  if (options.role === 'client') {
    return tls.connect({
      ...shared,
      socket: wire,
      ALPNProtocols: ciphersFrom(options.minCipher).map(protocolOf),
      checkServerIdentity: () => undefined,
    });
  }
  return new tls.TLSSocket(wire, {
    ...shared,
    isServer: true,
    requestCert: true,
    ALPNCallback: serverChoice(options.minCipher),
  });
};

const finish = (
  socket: tls.TLSSocket,
  options: SecureChannelOptions,
  events: SecureChannelEvents,
): void => {
  const key = peerKeyOf(socket);
  const cipher = cipherOfProtocol(socket.alpnProtocol);
  if (key === null || cipher === null || cipher < options.minCipher) {
    const what = key === null ? 'it showed no Ed25519 key' : 'no common cipher';
    events.failed(`Cannot set up the flow: ${what}`);
    return;
  }
  if (options.peerKey !== null && !Buffer.from(options.peerKey).equals(key)) {
    const [expected, actual] = [options.peerKey, key].map((bytes) =>
      Buffer.from(bytes).toString('base64'),
    );
    events.failed(`Cannot trust the peer: its key is ${actual}, expected ${expected}`);
    return;
  }
  const context = Buffer.from(protocolOf(cipher));
  const exported = socket.exportKeyingMaterial(EXPORTED_BYTES, EXPORTER_LABEL, context);
  events.secure(key, createKeySchedule(new Uint8Array(exported), options.role, cipher));
};

/** Makes the port that the protocol core opens its TLS sessions through. */
export const createTlsChannels =
  (identity: TlsIdentity): OpenSecureChannel =>
  (options, events) => {
    let closed = false;
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (!closed) events.send(new Uint8Array(chunk));
        done();
      },
    });
    const socket = openSocket(identity, options, wire);
    const fail = (message: string): void => {
      if (closed) return;
      closed = true;
      events.failed(message);
    };
    socket.on(options.role === 'client' ? 'secureConnect' : 'secure', () => {
      if (!closed) finish(socket, options, { ...events, failed: fail });
    });
    socket.on('error', (error: Error) => fail(`Cannot set up the flow: ${error.message}`));
    socket.on('close', () => fail('Cannot set up the flow: the handshake was broken off'));
    socket.resume();
    return {
      receive(bytes) {
        if (!closed) wire.push(Buffer.from(bytes));
      },
      close() {
        closed = true;
        socket.destroy();
        wire.destroy();
      },
    };
  };
