/**
 * One place where an errno becomes an error code of the API. The message names the path as the API
 * shows it (below the root), never where the root lies on this machine.
 */
import { CommandError, type ErrorCode } from '@jetstream/contract';

interface Meaning {
  readonly code: ErrorCode;
  readonly reason: string;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: { code: 'path_not_found', reason: 'it does not exist' },
  EACCES: { code: 'permission_denied', reason: 'permission denied' },
  EPERM: { code: 'permission_denied', reason: 'operation not permitted' },
  EEXIST: { code: 'already_exists', reason: 'it exists already' },
  ENOTEMPTY: { code: 'conflict', reason: 'the directory is not empty' },
  ENOSPC: { code: 'disk_full', reason: 'no space left on the device' },
  EDQUOT: { code: 'disk_full', reason: 'the disk quota is used up' },
  EFBIG: { code: 'io_error', reason: 'the file system holds no file of this size' },
  EROFS: { code: 'read_only', reason: 'the file system is mounted read-only' },
  ENAMETOOLONG: { code: 'name_too_long', reason: 'the name is too long' },
  ENOTDIR: { code: 'not_a_directory', reason: 'a directory is needed, something else is there' },
  EISDIR: { code: 'is_a_directory', reason: 'a file is needed, a directory is there' },
  ELOOP: { code: 'path_invalid', reason: 'a symbolic link is in the way' },
  EXDEV: { code: 'path_invalid', reason: 'it leads out of its root' },
  EINVAL: { code: 'path_invalid', reason: 'the file system refuses this name' },
};

/** Path text in JSON quotes, cut when long. */
export const shownPath = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** Errno name (`ENOENT`) of an error from node:fs, the addon or {@link diskError}; else ''. */
export const errnoOf = (error: unknown): string => {
  if (error instanceof CommandError) {
    const { errno } = error.details;
    return typeof errno === 'string' ? errno : '';
  }
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
};

/**
 * Error for a failed disk operation.
 *
 * @param action Verb for the message, as in `Cannot open "/a": …`.
 * @param path Path as the API shows it.
 * @param cause What node:fs or the addon threw; a `CommandError` comes back as it is.
 */
export const diskError = (action: string, path: string, cause: unknown): CommandError => {
  if (cause instanceof CommandError) return cause;
  const errno = errnoOf(cause);
  // A rename over a mount border is a limit of the disk, not a way out of the root.
  const known = errno === 'EXDEV' && action === 'rename' ? undefined : MEANINGS[errno];
  const meaning = known ?? {
    code: 'io_error',
    reason: errno === '' ? 'the disk operation failed' : `the disk reported ${errno}`,
  };
  return new CommandError(meaning.code, `Cannot ${action} ${shownPath(path)}: ${meaning.reason}`, {
    details: { path: path.slice(0, 1000), errno },
    cause,
  });
};
