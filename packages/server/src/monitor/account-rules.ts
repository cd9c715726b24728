/**
 * For whom the monitor acts. The server proper asks, and may have been taken over, so nothing that
 * it says is believed: the account must be known to the system, must not be one of the system's own,
 * must have been granted (see `granted-users.ts`), and must neither be locked nor expired now. One
 * account is granted by the command line: that of built-in users who are mapped to none.
 */
import type { OsAccounts } from '../adapters/os-accounts/os-accounts.js';
import type { AgentAccount } from './agent-processes.js';
import { type GrantedUsers, isAccountName } from './granted-users.js';
import { ACCOUNT_KEPT_MS, ACCOUNTS_KEPT_MAX } from './monitor-limits.js';
import type { MonitorOptions } from './monitor-options.js';
import type { PasswordChecks, PasswordVerdict } from './password-checks.js';
import type { ServerAccount } from './server-state.js';

export interface AccountRulesPorts {
  readonly options: Pick<MonitorOptions, 'allowRootLogin' | 'osUserMinUid'>;
  /** The server's account for files; null for none. Nobody logs in as it. */
  readonly filesAccount: ServerAccount | null;
  readonly accounts: Pick<OsAccounts, 'findUser'>;
  readonly granted: Pick<GrantedUsers, 'add' | 'has' | 'knows'>;
  readonly checks: Pick<PasswordChecks, 'ask'>;
  /** Milliseconds that never run backwards. */
  readonly monotonicMs: () => number;
}

/** The account to act as, or why not. */
export type AccountDecision =
  | { readonly account: AgentAccount; readonly refused: null }
  | {
      readonly account: null;
      readonly refused: string;
      /** Whether another answer may come later: what waits for files waits on. */
      readonly isTransient: boolean;
      /** Whether logins, and what is open, end. */
      readonly endsAccess: boolean;
    };

/** An account, one that is not acted for, none at all, or no answer of the system. */
type Eligible = AgentAccount | 'refused' | 'missing' | 'unknown';

const NO_ANSWER = 'the system does not say whether there is such an account';
const MISSING = 'the system does not know the account any more, or not now';

const refuse = (refused: string): AccountDecision => ({
  account: null,
  refused,
  isTransient: false,
  endsAccess: true,
});

const postpone = (refused: string, endsAccess: boolean): AccountDecision => ({
  account: null,
  refused,
  isTransient: true,
  endsAccess,
});

export class AccountRules {
  readonly #ports: AccountRulesPorts;
  /** Accounts that the system said yes to, and until when that is believed. */
  readonly #usable = new Map<string, number>();

  constructor(ports: AccountRulesPorts) {
    this.#ports = ports;
  }

  /** Checks a password; the account is granted when it is right. */
  async checkPassword(user: string, password: string, host: string): Promise<PasswordVerdict> {
    if (user === this.#ports.filesAccount?.name) return 'wrong';
    const account = await this.#eligible(user);
    if (account === 'unknown') return 'unavailable';
    if (account === 'refused' || account === 'missing') return 'wrong';
    const verdict = await this.#ports.checks.ask({ user, password, host });
    if (verdict === 'right') this.#ports.granted.add(user, account.uid);
    return verdict;
  }

  /** Decides whether an agent may work as an account. */
  async decide(user: string): Promise<AccountDecision> {
    const account = await this.#eligible(user);
    if (account === 'unknown') return postpone(NO_ANSWER, false);
    // Most systems say the same of a removed account and of one in a directory that cannot be reached:
    // access ends, but transfers must not fail file by file.
    if (account === 'missing' && this.#isKnown(user)) return postpone(MISSING, true);
    if (account === 'missing' || account === 'refused') {
      return refuse('the account is none that this server acts as');
    }
    if (!this.#isForFiles(account) && !this.#ports.granted.has(user, account.uid)) {
      return refuse('the account has never logged in on this server with its password');
    }
    const verdict = await this.#usability(account);
    if (verdict === 'right') return { account, refused: null };
    return verdict === 'wrong'
      ? refuse('the account is locked or has expired')
      : postpone('the system does not say whether the account may be used', false);
  }

  /** Whether the account, or an earlier one of its name, was acted for. */
  #isKnown(user: string): boolean {
    return this.#ports.filesAccount?.name === user || this.#ports.granted.knows(user);
  }

  /** Whether it is still the account that was found at the start, not a later one of its name. */
  #isForFiles({ name, uid }: AgentAccount): boolean {
    const { filesAccount } = this.#ports;
    return filesAccount?.name === name && filesAccount.uid === uid;
  }

  async #eligible(user: string): Promise<Eligible> {
    if (!isAccountName(user)) return 'refused';
    // Whoever looks the account up tells why there is no answer.
    const found = await this.#ports.accounts.findUser(user).catch(() => 'unknown' as const);
    if (found === null) return 'missing';
    if (found === 'unknown') return found;
    const account = { name: user, uid: Number(found.id), gid: Number(found.groupId) };
    const { uid, gid } = account;
    if (!Number.isInteger(uid) || !Number.isInteger(gid)) return 'refused';
    if (this.#isForFiles(account)) return account;
    const { allowRootLogin, osUserMinUid } = this.#ports.options;
    const isAllowed = uid === 0 ? allowRootLogin : uid >= osUserMinUid;
    return isAllowed ? account : 'refused';
  }

  async #usability({ name, uid }: AgentAccount): Promise<PasswordVerdict> {
    const key = `${name} ${uid}`;
    const now = this.#ports.monotonicMs();
    if ((this.#usable.get(key) ?? 0) > now) return 'right';
    const verdict = await this.#ports.checks.ask({ user: name, password: null, host: '' });
    this.#usable.delete(key);
    if (verdict !== 'right') return verdict;
    if (this.#usable.size >= ACCOUNTS_KEPT_MAX) this.#usable.clear();
    this.#usable.set(key, now + ACCOUNT_KEPT_MS);
    return verdict;
  }
}
