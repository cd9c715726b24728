/** How the CLI says that something did not work: one line, a hint, an exit code, no stack trace. */
import { CommandError, type ErrorCode } from '@jetstream/contract';
import { CommanderError } from 'commander';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.js';
import { jsonText } from './json-text.js';
import { visible } from './visible-text.js';

/** A failure with its own exit code and, when there is something to do about it, a hint. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  readonly hint: string | null;
  /** Stable code for `--json`. */
  readonly code: string;

  constructor(
    message: string,
    options: { exitCode: ExitCode; code: string; hint?: string; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode;
    this.code = options.code;
    this.hint = options.hint ?? null;
  }
}

/** A command line that cannot be understood. */
export const usageError = (message: string, hint?: string): CliError =>
  new CliError(message, { exitCode: EXIT.usage, code: 'usage', ...(hint ? { hint } : {}) });

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  unknown_method: 'jetstream api --help lists all methods',
  not_authenticated:
    'Give a user (--user, or user@host) with JETSTREAM_API_PASSWORD, or JETSTREAM_API_TOKEN',
  auth_failed: 'Check the user name and JETSTREAM_API_PASSWORD, or JETSTREAM_API_TOKEN',
  auth_locked: 'Wait a while before the next login',
  permission_denied: 'Some methods need --superuser, and a user who may use it',
  connection_lost: 'Check that the server runs and that its TCP port is reachable',
  destination_unreachable: "Check that the receiver's UDP port is open in its firewall",
  peer_refused: 'The receiver accepts only senders with a token or an authorised key',
};

/** A failure in the terms of the user. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Says what an error means; null when the command line only asked for help or the version. */
export const failureOf = (error: unknown): Failure | null => {
  if (error instanceof CommandError) {
    const { code, message, details } = error;
    return { exitCode: exitCodeOf(code), code, message, hint: HINTS[code] ?? null, details };
  }
  if (error instanceof CliError) {
    const { exitCode, code, message, hint } = error;
    return { exitCode, code, message, hint, details: {} };
  }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return null;
    // Commander would print its help here, which `writeErr` drops.
    if (error.code === 'commander.help') {
      const hint = 'the same with --help lists them';
      const message = 'the command is incomplete: a command behind it is missing';
      return { exitCode: EXIT.usage, code: 'usage', message, hint, details: {} };
    }
    // A second line suggests what was meant.
    const [line = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    // What was given to an unknown option may be a password, which belongs on no screen.
    const message = line.replace(/^(unknown option '[^=']*)=.*'$/s, "$1'");
    const hint = suggestion ?? 'jetstream --help';
    return { exitCode: EXIT.usage, code: 'usage', message, hint, details: {} };
  }
  const name = error instanceof Error ? error.name : '';
  const exitCode = name === 'ConfigError' ? EXIT.usage : EXIT.failed;
  const code = name === 'ConfigError' ? 'config' : 'failed';
  return { exitCode, code, message: messageOf(error), hint: null, details: {} };
};

/** Text of a failure for standard error. */
export const failureText = (failure: Failure, form: { readonly json: boolean }): string => {
  const { code, message, hint, details } = failure;
  if (form.json) return jsonText({ error: { code, message, hint, details } });
  const lines = [`jetstream: ${visible(message)}`];
  if (hint !== null) lines.push(`  ${visible(hint)}`);
  return lines.join('\n');
};
