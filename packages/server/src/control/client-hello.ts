/**
 * What a TLS client asks for, read from its first message before TLS itself has seen it. Hostile input:
 * every length is checked against what is there.
 *
 * @see RFC 8446, section 4.1.2; RFC 7301, section 3.1
 */

const RECORD_HEAD_BYTES = 5;
const RECORD_HANDSHAKE = 22;
const RECORD_BYTES_MAX = 16_384;
const MESSAGE_CLIENT_HELLO = 1;
const EXTENSION_ALPN = 16;
/** Version and random. */
const FIXED_BYTES = 34;

/** Most bytes of the first message that are waited for. */
export const CLIENT_HELLO_BYTES_MAX = RECORD_HEAD_BYTES + RECORD_BYTES_MAX;

/** Reads forward; null once something does not fit. */
class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: number): number | null {
    const bytes = this.take(size);
    return bytes === null ? null : bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  take(length: number | null): Uint8Array | null {
    if (length === null || length > this.left) return null;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector with its length in front. */
  vector(sizeBytes: number): Cursor | null {
    const bytes = this.take(this.number(sizeBytes));
    return bytes === null ? null : new Cursor(bytes);
  }
}

const extensionOf = (hello: Cursor, wanted: number): Cursor | null => {
  if (hello.take(FIXED_BYTES) === null) return null;
  // Session id, cipher suites, compression methods.
  for (const sizeBytes of [1, 2, 1]) if (hello.vector(sizeBytes) === null) return null;
  const extensions = hello.vector(2);
  while (extensions !== null && extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (body === null) return null;
    if (type === wanted) return body;
  }
  return null;
};

/**
 * Whether the client offers an application protocol.
 *
 * @param bytes Everything that has come so far.
 * @returns null while more is needed to tell; false for whatever is no TLS.
 */
export const offersProtocol = (bytes: Uint8Array, protocol: string): boolean | null => {
  if (bytes.length > 0 && bytes[0] !== RECORD_HANDSHAKE) return false;
  if (bytes.length < RECORD_HEAD_BYTES) return null;
  const length = (bytes[3] as number) * 256 + (bytes[4] as number);
  if (length > RECORD_BYTES_MAX) return false;
  if (bytes.length < RECORD_HEAD_BYTES + length) return null;
  const message = new Cursor(bytes.subarray(RECORD_HEAD_BYTES, RECORD_HEAD_BYTES + length));
  if (message.number(1) !== MESSAGE_CLIENT_HELLO) return false;
  const hello = message.vector(3);
  const names = hello === null ? null : (extensionOf(hello, EXTENSION_ALPN)?.vector(2) ?? null);
  while (names !== null && names.left > 0) {
    const length = names.number(1);
    const name = names.take(length);
    if (name === null) return false;
    if (Buffer.from(name).toString('latin1') === protocol) return true;
  }
  return false;
};
