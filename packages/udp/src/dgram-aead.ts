/** Sealing and opening one packet at a time with node:crypto; wire format as the native addon's. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  CIPHER,
  type Cipher,
  type ConnectionKeys,
  HEADER_BYTES,
  KEY_EPOCHS_HELD,
  TAG_BYTES,
} from '@jetstream/transport';

const IV_BYTES = 12;
const TAG_LENGTH = { authTagLength: TAG_BYTES };
const ZERO_TAG = Buffer.alloc(TAG_BYTES);

/** Key bytes that a cipher wants. */
export function cipherKeyBytes(cipher: Cipher): number {
  if (cipher === CIPHER.none) return 0;
  return cipher === CIPHER.aes256gcm ? 32 : 16;
}

/** One key of one direction, with copies of its bytes that {@link EpochKey.wipe} clears. */
export class EpochKey {
  readonly epoch: number;
  readonly #cipher: Cipher;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #nonce = Buffer.alloc(IV_BYTES);

  /** @throws {Error} If key or iv do not have the cipher's length. */
  constructor(keys: ConnectionKeys) {
    if (!Number.isSafeInteger(keys.epoch) || keys.epoch < 0) {
      throw new Error(`Cannot install a key: epoch "${keys.epoch}", expected a natural number`);
    }
    if (keys.key.length !== cipherKeyBytes(keys.cipher)) {
      throw new Error('Cannot install a key: its length does not fit the cipher');
    }
    if (keys.cipher !== CIPHER.none && keys.iv.length !== IV_BYTES) {
      throw new Error('Cannot install a key: its iv does not have 12 bytes');
    }
    this.epoch = keys.epoch;
    this.#cipher = keys.cipher;
    this.#key = Buffer.from(keys.key);
    this.#iv = Buffer.from(keys.iv);
  }

  /** Seals in place: header, inner header, payload and room for the tag. */
  seal(packet: Buffer, numberHigh: number, numberLow: number): void {
    const tagAt = packet.length - TAG_BYTES;
    if (this.#cipher === CIPHER.none) {
      packet.fill(0, tagAt);
      return;
    }
    const nonce = this.#setNonce(numberHigh, numberLow);
    const sealing =
      this.#cipher === CIPHER.aes256gcm
        ? createCipheriv('aes-256-gcm', this.#key, nonce, TAG_LENGTH)
        : createCipheriv('aes-128-gcm', this.#key, nonce, TAG_LENGTH);
    if (this.#cipher === CIPHER.authenticated) {
      sealing.setAAD(packet.subarray(0, tagAt));
    } else {
      sealing.setAAD(packet.subarray(0, HEADER_BYTES));
      packet.set(sealing.update(packet.subarray(HEADER_BYTES, tagAt)), HEADER_BYTES);
    }
    sealing.final();
    packet.set(sealing.getAuthTag(), tagAt);
  }

  /** Returns the plain text (inner header and payload), or null for a packet that is not authentic. */
  open(packet: Buffer, numberHigh: number, numberLow: number): Buffer | null {
    const tagAt = packet.length - TAG_BYTES;
    const hidden = packet.subarray(HEADER_BYTES, tagAt);
    const tag = packet.subarray(tagAt);
    if (this.#cipher === CIPHER.none) return tag.equals(ZERO_TAG) ? hidden : null;
    const nonce = this.#setNonce(numberHigh, numberLow);
    const opening =
      this.#cipher === CIPHER.aes256gcm
        ? createDecipheriv('aes-256-gcm', this.#key, nonce, TAG_LENGTH)
        : createDecipheriv('aes-128-gcm', this.#key, nonce, TAG_LENGTH);
    opening.setAuthTag(tag);
    let plain = hidden;
    if (this.#cipher === CIPHER.authenticated) {
      opening.setAAD(packet.subarray(0, tagAt));
    } else {
      opening.setAAD(packet.subarray(0, HEADER_BYTES));
      plain = opening.update(hidden);
    }
    try {
      opening.final();
    } catch {
      return null;
    }
    return plain;
  }

  /** Clears the copies of key and iv. */
  wipe(): void {
    this.#key.fill(0);
    this.#iv.fill(0);
  }

  #setNonce(numberHigh: number, numberLow: number): Buffer {
    const iv = this.#iv;
    const nonce = this.#nonce;
    nonce.writeUInt32BE(iv.readUInt32BE(0), 0);
    nonce.writeUInt32BE((iv.readUInt32BE(4) ^ numberHigh) >>> 0, 4);
    nonce.writeUInt32BE((iv.readUInt32BE(8) ^ numberLow) >>> 0, 8);
    return nonce;
  }
}

/** The keys of one direction: the current epoch and its neighbours. */
export class KeyRing {
  readonly #slots: (EpochKey | undefined)[] = [];
  readonly #lowShift: number;
  readonly #highFactor: number;

  constructor(keyEpochShift: number) {
    this.#lowShift = keyEpochShift;
    this.#highFactor = 2 ** (32 - keyEpochShift);
  }

  /** Takes the place of the key held KEY_EPOCHS_HELD epochs before. */
  install(key: EpochKey): void {
    const slot = key.epoch % KEY_EPOCHS_HELD;
    this.#slots[slot]?.wipe();
    this.#slots[slot] = key;
  }

  /** Key for a packet number. */
  find(numberHigh: number, numberLow: number): EpochKey | undefined {
    // Beyond 2^53 this rounds, and then fits no key, since those have exact epochs.
    const epoch = numberHigh * this.#highFactor + (numberLow >>> this.#lowShift);
    const key = this.#slots[epoch % KEY_EPOCHS_HELD];
    return key?.epoch === epoch ? key : undefined;
  }

  wipe(): void {
    for (const key of this.#slots) key?.wipe();
    this.#slots.length = 0;
  }
}
