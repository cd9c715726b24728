/** Exit codes of the CLI, documented in docs/CLI.md. */
import type { ErrorCode } from '@jetstream/contract';

/** What each exit code stands for. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  notFound: 4,
  connection: 5,
  identityChanged: 6,
  someFilesFailed: 7,
  interrupted: 130,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_ERROR: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  unknown_method: EXIT.usage,
  invalid_params: EXIT.usage,
  not_authenticated: EXIT.refused,
  auth_failed: EXIT.refused,
  auth_locked: EXIT.refused,
  permission_denied: EXIT.refused,
  peer_refused: EXIT.refused,
  not_found: EXIT.notFound,
  path_not_found: EXIT.notFound,
  source_vanished: EXIT.notFound,
  connection_lost: EXIT.connection,
  destination_unreachable: EXIT.connection,
  flow_failed: EXIT.connection,
  server_identity_changed: EXIT.identityChanged,
  peer_identity_mismatch: EXIT.identityChanged,
};

/** Exit code for an error of the API. */
export const exitCodeOf = (code: ErrorCode): ExitCode => BY_ERROR[code] ?? EXIT.failed;
