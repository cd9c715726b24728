/** The built-in users of a state directory, whether or not a server runs on it. */
import type { OpenUsers } from '@jetstream/server/offline';

export interface AccountsPlace {
  /** The state directory; the server's default one when null. */
  readonly directory: string | null;
  /** Account of this machine that a user is about to be mapped to; null for none. */
  readonly osUser: string | null;
}

/**
 * Opens them; the server's code is loaded only by the commands that need it. Root grants the account
 * that a user is mapped to, and then becomes the account that the state directory belongs to, for
 * good, so that what is written stays that account's.
 */
export const openAccounts = async ({ directory, osUser }: AccountsPlace): Promise<OpenUsers> => {
  const { grantAccount, becomeStateOwner } = await import('@jetstream/server/monitor');
  if (osUser !== null) await grantAccount(directory, osUser);
  await becomeStateOwner(directory);
  const { openUsers } = await import('@jetstream/server/offline');
  return openUsers(directory);
};
