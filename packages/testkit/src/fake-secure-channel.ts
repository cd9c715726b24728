/**
 * A stand-in for TLS: the same number of messages in the same sizes, keys that only the two ends
 * derive, refusal of a wrong peer, and failure when its bytes were damaged. It protects nothing.
 */
import {
  CIPHER,
  type Cipher,
  type ConnectionKeys,
  type KeySchedule,
  type OpenSecureChannel,
  type SecureChannel,
  type SecureChannelEvents,
  type SecureChannelOptions,
} from '@jetstream/transport';
import { mix32, type Prng } from './prng.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 16;
const HEAD_BYTES = 7;
const MESSAGE = { clientHello: 1, serverFlight: 2, clientFinish: 3, alert: 4 } as const;
/** Sizes of the messages, like those of TLS 1.3 with Ed25519 certificates on both sides. */
const MESSAGE_BYTES = [0, 300, 1100, 600, 19];

/** What all channels of one host share. */
export interface FakeIdentity {
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly cipher?: Cipher;
  readonly random: Prng;
  /** Runs a callback later: cryptography answers after the call, not within it. */
  readonly defer: (callback: () => void) => void;
}

const hashOf = (bytes: Uint8Array, seed: number): number => {
  let hash = seed;
  for (const byte of bytes) hash = mix32(hash ^ byte);
  return hash;
};

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

const encode = (type: number, body: Uint8Array): Uint8Array => {
  const out = new Uint8Array(MESSAGE_BYTES[type] as number);
  const view = new DataView(out.buffer);
  out.set(body, HEAD_BYTES);
  out[0] = type;
  view.setUint16(1, out.length);
  view.setUint32(3, hashOf(out.subarray(HEAD_BYTES), type));
  return out;
};

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
};

/** Keys that follow from both nonces, the direction and the epoch. */
class FakeSchedule implements KeySchedule {
  readonly cipher: Cipher;
  readonly #secret: number;
  readonly #role: 'client' | 'server';

  constructor(role: 'client' | 'server', cipher: Cipher, secret: number) {
    this.#role = role;
    this.cipher = cipher;
    this.#secret = secret;
  }

  keys(direction: 'send' | 'receive', epoch: number): ConnectionKeys {
    const fromClient = (direction === 'send') === (this.#role === 'client');
    let state = mix32(this.#secret ^ mix32(epoch * 2 + (fromClient ? 1 : 0)));
    const draw = (length: number): Uint8Array => {
      const out = new Uint8Array(length);
      for (let i = 0; i < length; i += 1) {
        state = mix32(state);
        out[i] = state;
      }
      return out;
    };
    const keyBytes = this.cipher === CIPHER.aes256gcm ? 32 : 16;
    const key = draw(keyBytes);
    return { direction, epoch, cipher: this.cipher, key, iv: draw(12) };
  }
}

class FakeChannel implements SecureChannel {
  readonly #identity: FakeIdentity;
  readonly #options: SecureChannelOptions;
  readonly #events: SecureChannelEvents;
  readonly #nonce: Uint8Array;
  #clientNonce: Uint8Array = new Uint8Array(0);
  #serverNonce: Uint8Array = new Uint8Array(0);
  #cipher: Cipher;
  #held: Uint8Array = new Uint8Array(0);
  #expected: number;
  #over = false;

  constructor(identity: FakeIdentity, options: SecureChannelOptions, events: SecureChannelEvents) {
    this.#identity = identity;
    this.#options = options;
    this.#events = events;
    this.#nonce = identity.random.bytes(NONCE_BYTES);
    this.#cipher = identity.cipher ?? CIPHER.aes128gcm;
    this.#expected = options.role === 'client' ? MESSAGE.serverFlight : MESSAGE.clientHello;
    if (options.role === 'client') {
      this.#clientNonce = this.#nonce;
      this.#later(() => events.send(encode(MESSAGE.clientHello, this.#nonce)));
    } else {
      this.#serverNonce = this.#nonce;
    }
  }

  receive(bytes: Uint8Array): void {
    this.#held = concat(this.#held, bytes);
    this.#later(() => this.#take());
  }

  close(): void {
    this.#over = true;
  }

  #take(): void {
    while (this.#held.length >= HEAD_BYTES && !this.#over) {
      const view = new DataView(this.#held.buffer, this.#held.byteOffset);
      const type = this.#held[0] as number;
      const length = view.getUint16(1);
      if (type < 1 || type > 4 || length !== MESSAGE_BYTES[type]) {
        this.#fail('a record is malformed');
        return;
      }
      if (this.#held.length < length) return;
      const body = this.#held.slice(HEAD_BYTES, length);
      const checksum = view.getUint32(3);
      this.#held = this.#held.slice(length);
      if (checksum !== hashOf(body, type)) this.#fail('a record is damaged');
      else this.#handle(type, body);
    }
  }

  #handle(type: number, body: Uint8Array): void {
    if (type === MESSAGE.alert) {
      this.#over = true;
      this.#events.failed('the peer has refused');
      return;
    }
    if (type !== this.#expected) {
      this.#fail('a record is out of order');
      return;
    }
    this.#expected = 0;
    const { key } = this.#identity;
    if (type === MESSAGE.clientHello) {
      this.#clientNonce = body.slice(0, NONCE_BYTES);
      this.#expected = MESSAGE.clientFinish;
      const head = concat(this.#serverNonce, key);
      const flight = concat(head, new Uint8Array([this.#cipher]));
      this.#events.send(encode(MESSAGE.serverFlight, flight));
    } else if (type === MESSAGE.serverFlight) {
      this.#serverNonce = body.slice(0, NONCE_BYTES);
      const peerKey = body.slice(NONCE_BYTES, NONCE_BYTES + KEY_BYTES);
      if (this.#options.peerKey !== null && !isEqual(this.#options.peerKey, peerKey)) {
        this.#fail('the peer holds another key');
        return;
      }
      this.#events.send(encode(MESSAGE.clientFinish, concat(key, this.#proof())));
      this.#events.secure(peerKey, this.#schedule());
    } else {
      const proof = body.slice(KEY_BYTES, KEY_BYTES + 4);
      if (!isEqual(proof, this.#proof())) {
        this.#fail('the peer has seen another handshake');
        return;
      }
      this.#events.secure(body.slice(0, KEY_BYTES), this.#schedule());
    }
  }

  #secret(): number {
    return hashOf(concat(this.#clientNonce, this.#serverNonce), 7);
  }

  #proof(): Uint8Array {
    const proof = new Uint8Array(4);
    new DataView(proof.buffer).setUint32(0, mix32(this.#secret()));
    return proof;
  }

  #schedule(): KeySchedule {
    return new FakeSchedule(this.#options.role, this.#cipher, this.#secret());
  }

  #fail(message: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.send(encode(MESSAGE.alert, new Uint8Array(0)));
    this.#events.failed(message);
  }

  #later(callback: () => void): void {
    this.#identity.defer(() => {
      if (!this.#over) callback();
    });
  }
}

/** Channels of one host. */
export const fakeSecureChannels =
  (identity: FakeIdentity): OpenSecureChannel =>
  (options, events) =>
    new FakeChannel(identity, options, events);
