/** Ceilings of lists and transfers; listed in docs/LIMITS.md. */

/** Entries of one manifest or transfer; the receiver holds about 150 bytes for each. */
export const TRANSFER_ENTRIES_MAX = 10_000_000;
/** Linear bytes of one transfer. */
export const TRANSFER_BYTES_MAX = Number.MAX_SAFE_INTEGER;
/** Components of a received path: deeper ones cost more than they are worth to anybody. */
export const TARGET_DEPTH_MAX = 512;
/** Files of one transfer that are held open at once, per side. */
export const OPEN_FILES_MAX = 64;
/** Directory descriptors that one transfer holds, per side. */
export const OPEN_DIRECTORIES_MAX = 64;
/** Failed files that are described one by one; the others only count. */
export const FILE_ERRORS_MAX = 10_000;
/**
 * Bytes of one line of a file list. Source, target and link of an entry take a sixth of it, and a control
 * character or a byte that is not UTF-8 takes six bytes in JSON.
 */
export const LIST_LINE_BYTES_MAX = 256 * 1024;
