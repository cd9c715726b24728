import { CommandError, isErrorCode } from '@jetstream/contract';

/** What was thrown as an error with a code; `internal` where it has none of ours. */
export const commandErrorOf = (error: unknown): CommandError => {
  const message = error instanceof Error ? error.message : String(error);
  const { code } = Object(error) as { code?: unknown };
  return new CommandError(isErrorCode(code) ? code : 'internal', message);
};
