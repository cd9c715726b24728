/** Logins of accounts of the operating system, whose passwords the root monitor has checked. */
import { CommandError } from '@jetstream/contract';
import type { MonitorClient } from '../adapters/monitor/monitor-client.js';
import type { OsAccounts } from '../adapters/os-accounts/os-accounts.js';

/** Least time that a failed login takes, in milliseconds: longer than any check of a password. */
export const FAILED_LOGIN_MS = 1_500;

export class OsLogins {
  readonly #monitor: Pick<MonitorClient, 'checkAccount' | 'checkPassword'>;
  readonly #accounts: Pick<OsAccounts, 'processOwner'>;

  constructor(
    monitor: Pick<MonitorClient, 'checkAccount' | 'checkPassword'>,
    accounts: Pick<OsAccounts, 'processOwner'>,
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

  /**
   * Whether there is such an account that may be used now, other than the server's own: neither locked
   * nor expired, and with a login on this server in its past.
   *
   * @throws {CommandError} `agent_unavailable` when there is no answer.
   */
  async isUsable(user: string): Promise<boolean> {
    if (user === this.#accounts.processOwner) return false;
    const verdict = await this.#monitor.checkAccount(user);
    if (verdict !== 'unavailable') return verdict === 'right';
    throw new CommandError(
      'agent_unavailable',
      'Cannot log in: the system does not say whether the account may be used, expected a later attempt',
    );
  }
}
