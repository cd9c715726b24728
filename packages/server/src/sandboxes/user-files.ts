/**
 * Which files a user reaches: the sandbox roots of the user's name, each with the account of the
 * operating system that it is used as.
 *
 * A server that runs as one account uses all roots as that account. A server with file agents uses
 * them as the account of the user's own name, or as the one that a built-in user was given. Built-in
 * users without an account share the server's account for files; only their sandboxes keep them apart,
 * so without a sandbox they reach no files. Whoever has no account at all reaches none either.
 */
import { formatRootAddress, isOwnerName } from '../adapters/disk/root-address.js';
import type { UserStore } from '../users/user-store.js';
import type { SandboxDirectory, SandboxRoots } from './sandbox-service.js';

export interface UserFilesOptions {
  readonly sandboxes: SandboxDirectory;
  readonly users: Pick<UserStore, 'find'>;
  /** Account that the server runs as, which no user's files are touched as. */
  readonly processOwner: string;
  /** Account that built-in users without one work as; null for none. */
  readonly filesAccount: string | null;
  /** Whether there are file agents. */
  readonly hasAgents: boolean;
}

export class UserFiles {
  readonly #options: UserFilesOptions;

  constructor(options: UserFilesOptions) {
    this.#options = options;
  }

  /**
   * Roots of a user, by address; see `root-address.ts`.
   *
   * @throws {CommandError} `permission_denied` for a user name that cannot stand in a path.
   */
  async of(userName: string): Promise<SandboxRoots> {
    const { sandboxes, filesAccount, hasAgents } = this.#options;
    const { roots, sandboxed } = sandboxes.rootsOf(userName);
    if (!hasAgents) return { roots, sandboxed };
    const owner = await this.accountOf(userName);
    const isShared = owner === filesAccount && !sandboxed;
    if (owner === null || isShared) return { roots: new Map(), sandboxed: true };
    const owned = [...roots].map(
      ([name, directory]) => [name, formatRootAddress({ owner, directory })] as const,
    );
    return { roots: new Map(owned), sandboxed };
  }

  /** Account of the operating system that a user's files are used as; null for none. */
  async accountOf(userName: string): Promise<string | null> {
    const user = await this.#options.users.find(userName);
    if (user !== null) return user.osUser ?? this.#options.filesAccount;
    const { processOwner, filesAccount } = this.#options;
    const isOwn = userName === processOwner || userName === filesAccount;
    return !isOwn && isOwnerName(userName) ? userName : null;
  }
}
