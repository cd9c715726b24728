/** Logins of accounts of the operating system, whose passwords the root monitor has checked. */
import { CommandError } from '@jetstream/contract';
import type { MonitorClient } from '../adapters/monitor/monitor-client.js';
import type { OsAccounts } from '../adapters/os-accounts/os-accounts.js';

/** Least time that a failed login takes, in milliseconds: longer than any check of a password. */
export const FAILED_LOGIN_MS = 1_500;

export class OsLogins {
  readonly #monitor: Pick<MonitorClient, 'checkPassword'>;
  readonly #accounts: Pick<OsAccounts, 'findUser' | 'processOwner'>;

  constructor(
    monitor: Pick<MonitorClient, 'checkPassword'>,
    accounts: Pick<OsAccounts, 'findUser' | 'processOwner'>,
  ) {
    this.#monitor = monitor;
    this.#accounts = accounts;
  }

  /**
   * Whether the system takes the password for the account.
   *
   * @throws {CommandError} `agent_unavailable` when there is no answer.
   */
  async verify(user: string, password: string, host: string): Promise<boolean> {
    const verdict = await this.#monitor.checkPassword({ user, password, host });
    if (verdict !== 'unavailable') return verdict === 'right';
    throw new CommandError(
      'agent_unavailable',
      'Cannot log in: the system does not say whether the password is right, expected a later attempt',
    );
  }

  /** Whether there is such an account, other than the server's own. */
  async exists(user: string): Promise<boolean> {
    const { processOwner } = this.#accounts;
    return user !== processOwner && (await this.#accounts.findUser(user)) !== null;
  }
}
