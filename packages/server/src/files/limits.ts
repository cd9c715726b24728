/**
 * Limits of file operations. Each has a row in docs/LIMITS.md.
 *
 * @see docs/LIMITS.md, "File operations"
 */
export const FILE_LIMITS = {
  /** Threads that run file operations. */
  threads: 2,
  /** How long one operation runs before others of its thread get their turn. */
  sliceMs: 8,
  /** Threads that hash; no more than there are cores. */
  hashThreadsMax: 16,
  /** Bytes read at once to be hashed: few enough to be still in the cache of the core. */
  hashReadBytes: 262_144,
  /** How often a hash thread tells how far it is. */
  hashProgressMs: 100,
  /** Files that are hashed in one go, so that small ones are worth sending to another thread. */
  hashBatchFilesMax: 64,
  /** Bytes of files from which on a batch is full. */
  hashBatchBytes: 4 * 1_048_576,
  /** Files of one listing that are open to be hashed. */
  hashFilesOpenMax: 512,
  /** Text of a listing that waits for the hashes before it. */
  listAheadCharactersMax: 4 * 1_048_576,
  /** Part of the multipart ETag, unless asked for otherwise. */
  s3PartBytes: 8 * 1_048_576,
  /** Result text beyond which it goes to a file. */
  resultTextBytesMax: 1_048_576,
  /** Text collected before it is written to that file. */
  resultWriteBytes: 262_144,
  /** Directories inside each other that an operation on a tree goes down. */
  treeDepthMax: 2_000,
  /** Names that a removal reads before it acts on them. */
  removeNamesAtOnce: 4_096,
  /** Bytes written, or copied, in one step. */
  writeBytes: 1_048_576,
  /** Bytes written before they are made durable, so that no single wait is long. */
  syncBytes: 64 * 1_048_576,
} as const;
