/**
 * BLAKE3 whose unfinished state is plain bytes: copied at any moment and kept, it goes on from there
 * later, in another process too. Its layout is this addon's, on this kind of processor.
 */
export interface NativeHash {
  /** Bytes of a state. */
  readonly hashStateBytes: number;
  /** Makes `state` that of nothing hashed yet. */
  hashBegin(state: Uint8Array): void;
  /**
   * Goes on with more input.
   *
   * @throws {TypeError} If `state` cannot be one.
   */
  hashUpdate(state: Uint8Array, input: Uint8Array): void;
  /**
   * Writes the digest of all input so far, 32 bytes; the state stays as it is.
   *
   * @throws {TypeError} If `state` cannot be one.
   */
  hashDigest(state: Uint8Array, digest: Uint8Array): void;
}
