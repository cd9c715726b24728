/**
 * Who a user name is, for rights that are given to ids: several names can stand for one account, and
 * a name can stand for another account later.
 *
 * - A name that the operating system knows is that account: its user id and groups, whether the login
 *   is by a built-in user of that name or as the account itself.
 * - Any other built-in user is an account of its own, `local:<n>`, in no group. The number is never
 *   used again. On disk such a user acts as the account that runs the server, but it does not share
 *   that account's rights, or a right given to one built-in user would be given to all.
 */
import type { OsAccounts } from '../adapters/os-accounts/os-accounts.js';
import { builtInUserId, type UserStore } from '../users/user-store.js';

/** What rights are given to. */
export interface Account {
  /** User id of the operating system, or `local:<n>`. */
  readonly id: string;
  readonly groupIds: ReadonlySet<string>;
}

export class AccountDirectory {
  readonly #accounts: OsAccounts;
  readonly #users: UserStore;

  constructor(accounts: OsAccounts, users: UserStore) {
    this.#accounts = accounts;
    this.#users = users;
  }

  /**
   * The account behind a user name; null when there is none.
   *
   * @throws {CommandError} `accounts_unavailable` if the system does not tell.
   */
  async account(userName: string): Promise<Account | null> {
    const { processOwner, processOwnerId, processGroupIds } = this.#accounts;
    const own = { id: processOwnerId, groupIds: processGroupIds };
    try {
      const osUser = await this.#accounts.findUser(userName);
      if (osUser !== null) {
        return { id: osUser.id, groupIds: await this.#accounts.groupIdsOf(osUser) };
      }
    } catch (error) {
      // The system has told this process at its start who it is.
      if (userName === processOwner) return own;
      throw error;
    }
    if (userName === processOwner) return own;
    const user = await this.#users.find(userName);
    return user === null ? null : { id: builtInUserId(user.id), groupIds: new Set() };
  }

  /** Id of an account or a group; null when there is none of this name. */
  async idOf(kind: 'user' | 'group', name: string): Promise<string | null> {
    if (kind === 'group') return (await this.#accounts.findGroup(name))?.id ?? null;
    return (await this.account(name))?.id ?? null;
  }

  /** Id of the account that runs the server. */
  get processOwnerId(): string {
    return this.#accounts.processOwnerId;
  }
}
