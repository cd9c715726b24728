/** Opens roots: as the account of this process, or through the file agent of their owner. */
import { CommandError } from '@jetstream/contract';
import { fileAgents } from '../agents/agent-pool.js';
import { AgentRoot } from '../agents/agent-root.js';
import { shownPath } from './disk-error.js';
import { LocalRoot } from './local-root.js';
import { parseRootAddress } from './root-address.js';
import type { ConfinedRootOptions, ConfinedRoot as Root } from './root-port.js';

export type { Components, ConfinedRootOptions, DirectoryEntry, EntryKind } from './root-port.js';

/** @see root-port.ts */
export type ConfinedRoot = Root;

export const ConfinedRoot = {
  /**
   * Opens a root by its address, see `root-address.ts`; the directory may be reached through links.
   * A server with file agents never touches users' files as itself, and one without has no other
   * account to act as.
   *
   * @throws {CommandError} If it is missing, no directory, or not accessible.
   */
  open(address: string, options: ConfinedRootOptions = {}): ConfinedRoot {
    const { owner, directory } = parseRootAddress(address);
    const agents = fileAgents();
    if (owner === null && agents === null) return LocalRoot.open(directory, options);
    if (owner !== null && agents !== null)
      return AgentRoot.open(agents.of(owner), directory, options);
    throw new CommandError(
      'permission_denied',
      `Cannot use the root ${shownPath(address)}: it belongs to no account that this server may act as`,
    );
  },
};
