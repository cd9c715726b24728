/**
 * System calls for files that Node does not offer. All are synchronous: call them where waiting for
 * a disk does no harm. Errors carry the system's name in `code` ('ENOENT', 'EXDEV', ...).
 *
 * A path is text or, for names that are not UTF-8, bytes.
 */
export interface NativeFileSystem {
  /** Writes everything of the file system that holds `descriptor` to its disk (syncfs). */
  syncFileSystem(descriptor: number): void;
  /**
   * Opens a path that must not leave the directory: no '..' beyond it, no absolute path, no symbolic
   * link that leads out, no magic link.
   *
   * @param flags As for fs.open; close-on-exec is added.
   * @param mode Permissions of a file that is created; default 0o666, under the umask.
   * @returns A descriptor.
   * @throws {Error} With `code` 'EXDEV' if the path leads out, 'ELOOP' for a refused link, 'ENOSYS'
   * on a kernel without openat2.
   */
  openBeneath(directory: number, path: string | Uint8Array, flags: number, mode?: number): number;
  /** Asks the kernel to forget cached pages of a file, so that a read comes from the disk. */
  dropPageCache(descriptor: number): void;
  /**
   * Renames within and between directories, never replacing.
   *
   * @throws {Error} With `code` 'EEXIST' if the target exists, 'EINVAL' on a file system that
   * cannot promise it.
   */
  renameNoReplace(
    sourceDirectory: number,
    sourceName: string | Uint8Array,
    targetDirectory: number,
    targetName: string | Uint8Array,
  ): void;
}
