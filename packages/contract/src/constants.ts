/**
 * The constants of the reference's `jetstream.constants`, and ours beside them.
 *
 * @see docs/COMPATIBILITY.md
 */

export const API_VERSION = 40;
export const BUILD_VERSION = '0.1.0';
export const DEFAULT_API_PORT = 8886;
export const DEFAULT_RECV_PORT = 8886;
export const DEFAULT_SERVER_ADDRESS = 'localhost';
export const DEFAULT_TIMEOUT_SECONDS = 10;

/** Item types in manifests and listings; 10 is a root (drive 8 + directory 2). */
export const FILETYPE_DIRECTORY = 2;
export const FILETYPE_REGULAR_FILE = 4;
export const FILETYPE_SYMLINK = 5;
export const FILETYPE_ROOT = 10;

/** Hashes of whole files in listings. */
export const HASH_TYPES = ['MD5', 'S3', 'SHA256', 'BLAKE3', 'XXH3'] as const;
export type HashType = (typeof HASH_TYPES)[number];

export const MIN_CIPHER_NONE = 0;
export const MIN_CIPHER_UNENCRYPTED = 1;
export const MIN_CIPHER_ENCRYPTED_128 = 2;
export const MIN_CIPHER_ENCRYPTED_256 = 3;

export const OVERWRITE_IN_PLACE_NEVER = 0;
export const OVERWRITE_IN_PLACE_ALWAYS = 1;
export const OVERWRITE_IN_PLACE_SAME_SIZE = 2;
export const OVERWRITE_NEVER = 3;
export const OVERWRITE_ALWAYS = 4;
export const OVERWRITE_BACKUP = 5;

export const SYMLINK_FOLLOW = 0;
export const SYMLINK_IGNORE = 1;
export const SYMLINK_PRESERVE = 2;

export const TRANSFER_FLAG_NONE = 0;
export const TRANSFER_FLAG_READ = 1;
export const TRANSFER_FLAG_WRITE = 2;

/** Rights of an API token; a token has the sum of its bits. */
export const PERMISSIONS = {
  DOWNLOAD: 1,
  UPLOAD: 2,
  MODIFY: 4,
  CREATE_LINK: 8,
  LIST: 16,
} as const;
export const PERMISSIONS_ALL = 31;

/** Bytes of the reference's counting unit; only its counters use it. */
export const BLOCK_BYTES = 256;
export const DEFAULT_PRIORITY = 100;
export const DEFAULT_CHECKPOINT_SECONDS = 5;
