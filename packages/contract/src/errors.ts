/**
 * Every error that the API can answer with, as one table.
 *
 * The string code is stable and is what programs compare. The JSON-RPC number follows the JSON-RPC
 * 2.0 specification where it has one and is -32000 otherwise. `retry` tells a client what to do:
 * `never` (change the call), `same` (the same call may work at once), `later` (wait first).
 *
 * @see docs/ERRORS.md, checked against this table by a test
 */

export type Retry = 'never' | 'same' | 'later';

export interface ErrorDefinition {
  readonly httpStatus: number;
  readonly rpcCode: number;
  readonly retry: Retry;
  /** What the code means, for the reference documentation. */
  readonly meaning: string;
}

const define = (
  httpStatus: number,
  retry: Retry,
  meaning: string,
  rpcCode = -32000,
): ErrorDefinition => ({ httpStatus, rpcCode, retry, meaning });

export const ERRORS = {
  parse_error: define(400, 'never', 'The message is not JSON', -32700),
  invalid_request: define(400, 'never', 'The message is JSON but not a call', -32600),
  unknown_method: define(404, 'never', 'No method has this name', -32601),
  invalid_params: define(
    400,
    'never',
    'A parameter is missing, unknown or of the wrong type',
    -32602,
  ),
  internal: define(500, 'later', 'The server failed in a way it did not expect', -32603),
  message_too_large: define(413, 'never', 'The message exceeds the size limit'),
  batch_too_large: define(413, 'never', 'The batch holds more calls than allowed'),
  too_many_requests: define(429, 'later', 'A limit on open requests or calls is reached'),
  not_authenticated: define(401, 'never', 'The method needs a login'),
  auth_failed: define(401, 'never', 'The user name, password or token is wrong'),
  auth_locked: define(429, 'later', 'Too many failed logins for this account or address'),
  permission_denied: define(403, 'never', 'The caller lacks the right to do this'),
  not_found: define(404, 'never', 'The named object does not exist, has expired or is not visible'),
  already_exists: define(409, 'never', 'An object of this name exists already'),
  conflict: define(409, 'never', 'The object is in a state that does not allow this'),
  cancelled: define(409, 'never', 'The request was cancelled'),
  failed_by_user: define(409, 'never', 'Somebody made the transfer fail, see the message'),
  timeout: define(504, 'same', 'The time limit passed before there was a result'),
  shutting_down: define(503, 'later', 'The server is stopping and takes no new work'),
  outcome_unknown: define(
    409,
    'never',
    'The first call with this idempotency key was broken off; whether it took effect is not known',
  ),
  path_invalid: define(400, 'never', 'The path is malformed or leaves its root'),
  path_not_found: define(404, 'never', 'Nothing exists at the path'),
  not_a_directory: define(409, 'never', 'A directory is needed and something else is there'),
  is_a_directory: define(409, 'never', 'A file is needed and a directory is there'),
  name_too_long: define(400, 'never', 'A path component or the whole path is too long'),
  disk_full: define(507, 'later', 'The file system or quota has no room left'),
  read_only: define(403, 'never', 'The file system is mounted read-only'),
  io_error: define(500, 'later', 'The file system reported an error'),
  source_changed: define(409, 'never', 'A file changed between manifest and sending'),
  source_vanished: define(404, 'never', 'A file of the manifest is gone'),
  manifest_not_ready: define(409, 'later', 'The manifest is still being built or has failed'),
  destination_unreachable: define(504, 'later', 'The destination does not answer on its UDP port'),
  peer_identity_mismatch: define(403, 'never', 'The other server has another key than expected'),
  peer_refused: define(403, 'never', 'The other server refused the transfer'),
  flow_failed: define(502, 'later', 'The data connection broke'),
  file_failed: define(
    409,
    'never',
    'A file failed, and the transfer was to stop then; it leaves nothing that is not whole',
  ),
  agent_unavailable: define(
    503,
    'later',
    'The file agent of the account has ended or does not answer',
  ),
  accounts_unavailable: define(
    503,
    'later',
    'The operating system does not say which account a name stands for',
  ),
  integrity_failed: define(502, 'later', 'Received data does not match its digest'),
  content_mismatch: define(
    502,
    'never',
    'A published file, read again from the disk, is not what was written',
  ),
  connection_lost: define(503, 'same', 'The connection to the server broke; raised by the client'),
  server_identity_changed: define(
    495,
    'never',
    'The server shows another certificate than the one remembered; raised by the client',
  ),
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** Whether a string is a code of {@link ERRORS}. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERRORS, code);

export interface CommandErrorOptions {
  /** Facts a program may want: the parameter, the actual and the expected value. JSON only. */
  readonly details?: Record<string, unknown>;
  readonly cause?: unknown;
}

/** Failure of an API command, thrown by the server's services and by the client alike. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: CommandErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}
