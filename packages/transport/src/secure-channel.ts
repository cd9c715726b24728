/**
 * Ports to cryptography: the protocol core neither knows TLS nor draws keys itself.
 */
import type { Cipher, ConnectionKeys } from './packet-io.js';

/** Keys of one connection, epoch by epoch, drawn from the TLS exporter. */
export interface KeySchedule {
  readonly cipher: Cipher;
  keys(direction: 'send' | 'receive', epoch: number): ConnectionKeys;
}

/** A TLS 1.3 session without a socket. */
export interface SecureChannel {
  /** Feeds handshake bytes from the peer. */
  receive(bytes: Uint8Array): void;
  close(): void;
}

export interface SecureChannelEvents {
  /** Handshake bytes for the peer. */
  send(bytes: Uint8Array): void;
  /** The peer has proved to hold this key (raw Ed25519, 32 bytes). */
  secure(peerKey: Uint8Array, schedule: KeySchedule): void;
  failed(message: string): void;
}

export interface SecureChannelOptions {
  readonly role: 'client' | 'server';
  /** The only key that is acceptable; null accepts any (and reports it). */
  readonly peerKey: Uint8Array | null;
  /** Least cipher, 0 to 3. */
  readonly minCipher: number;
}

export type OpenSecureChannel = (
  options: SecureChannelOptions,
  events: SecureChannelEvents,
) => SecureChannel;
