/**
 * BLAKE3 of a file that is hashed piece by piece. With the addon the state in between can be kept, so
 * that a break does not cost what was hashed; without it hashing begins again with the file.
 */
import { loadNativeHash, type NativeHash } from '@jetstream/udp';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { DIGEST_BYTES } from './storage.js';

/** The hash of one file. */
export interface FileHasher {
  update(piece: Uint8Array): void;
  /** The digest of all pieces so far. */
  digest(): Buffer;
  /** What {@link resumeFileHasher} goes on from; null where nothing can be kept. */
  state(): Uint8Array | null;
}

const nativeHasher = (native: NativeHash, state: Uint8Array): FileHasher => ({
  update: (piece) => native.hashUpdate(state, piece),
  digest() {
    const digest = Buffer.alloc(DIGEST_BYTES);
    native.hashDigest(state, digest);
    return digest;
  },
  state: () => Uint8Array.from(state),
});

const portableHasher = (): FileHasher => {
  const hasher = new Blake3Hasher();
  return {
    update: (piece) => {
      // A view, not a copy: the package takes nothing but a Buffer.
      hasher.update(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
    },
    digest: () => hasher.digestBuffer(),
    state: () => null,
  };
};

/** Begins with a file. */
export const newFileHasher = (): FileHasher => {
  const native = loadNativeHash();
  if (native === null) return portableHasher();
  const state = new Uint8Array(native.hashStateBytes);
  native.hashBegin(state);
  return nativeHasher(native, state);
};

/**
 * Goes on from a state that was kept on this kind of processor.
 *
 * @returns Null when it cannot be used.
 */
export const resumeFileHasher = (state: Uint8Array): FileHasher | null => {
  const native = loadNativeHash();
  if (native === null || state.length !== native.hashStateBytes) return null;
  const hasher = nativeHasher(native, Uint8Array.from(state));
  try {
    hasher.digest();
    return hasher;
  } catch {
    return null;
  }
};
