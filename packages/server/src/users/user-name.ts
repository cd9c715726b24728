/** Names of built-in users: a narrow set, because they end up in paths (`%u`) and logs. */
import { CommandError } from '@jetstream/contract';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/;

/**
 * Refuses a name that a user cannot have.
 *
 * @throws {CommandError} `invalid_params`
 */
export const checkUserName = (name: string): void => {
  if (NAME.test(name) && !name.includes('..')) return;
  throw new CommandError(
    'invalid_params',
    `Cannot use the user name ${JSON.stringify(name.slice(0, 100))}: expected 1 to 64 letters, digits, "_", ".", "@" or "-", the first a letter, digit or "_", without ".."`,
    { details: { parameter: 'userName' } },
  );
};
