/** The event log of a state directory, whether or not a server runs on it. */
import type { OpenEventLog } from '@jetstream/server/offline';

export type { LogHead, Verification } from '@jetstream/server/offline';

/** Opens it; the server's code is loaded only by the commands that need it. */
export const openServerEventLog = async (directory: string | null): Promise<OpenEventLog> => {
  const { becomeStateOwner } = await import('@jetstream/server/monitor');
  await becomeStateOwner(directory);
  const { openEventLog } = await import('@jetstream/server/offline');
  return openEventLog(directory);
};
