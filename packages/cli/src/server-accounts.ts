/** The built-in users of a state directory, whether or not a server runs on it. */
import type { OpenUsers } from '@jetstream/server/offline';

/** Opens them; the server's code is loaded only by the commands that need it. */
export const openAccounts = async (directory: string | null): Promise<OpenUsers> => {
  const { openUsers } = await import('@jetstream/server/offline');
  return openUsers(directory);
};
