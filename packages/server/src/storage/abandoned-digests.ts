/** Digests of transfers that will not go on: left when a server was killed at the wrong moment. */
import fs from 'node:fs/promises';
import path from 'node:path';

const NAME = /^([0-9a-f]{32})\.digests$/;

/** Removes the digests of all transfers that are not unfinished. */
export const removeAbandonedDigests = async (
  directory: string,
  isUnfinished: (transferId: string) => boolean,
): Promise<void> => {
  for await (const { name } of await fs.opendir(directory)) {
    const id = NAME.exec(name)?.[1];
    if (id === undefined || isUnfinished(id)) continue;
    await fs.rm(path.join(directory, name), { force: true });
  }
};
