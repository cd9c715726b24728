/**
 * Elevation of a session: who may become wrangler or superuser. Decided by ids, at each call, so that
 * a right that was taken back is gone.
 *
 * Superusers are the account that runs the server and whoever the options `superuser` and
 * `supergroup` name. Wranglers are those that a superuser has added, and every superuser.
 */
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { EventLog } from '../events/event-log.js';
import type { EventFieldsOf } from '../events/event-names.js';
import { type Caller, ownershipOf } from '../sessions/caller.js';
import type { Account, AccountDirectory } from './account-directory.js';
import type { WranglerKind, WranglerStore } from './wrangler-store.js';

export type Elevated = 'wrangler' | 'superuser';

export interface ElevationOptions {
  readonly accounts: AccountDirectory;
  readonly wranglers: WranglerStore;
  /** From the options `superuser` and `supergroup`. */
  readonly superusers: readonly string[];
  readonly supergroups: readonly string[];
  readonly events: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long the ids behind the names of the options are remembered. */
const IDS_KEPT_MS = 5_000;

interface RememberedIds {
  readonly ids: ReadonlySet<string>;
  readonly untilMs: number;
}

const EXPECTED: Readonly<Record<Elevated, string>> = {
  superuser: 'the account that runs the server or a user named by --superuser or --supergroup',
  wrangler: 'a user or a member of a group that a superuser has added with addWranglerAsync()',
};

export class Elevation {
  readonly #options: ElevationOptions;
  readonly #ids = new Map<WranglerKind, RememberedIds>();
  #changes = 0;

  constructor(options: ElevationOptions) {
    this.#options = options;
  }

  /**
   * Elevates a caller; one that is superuser stays so.
   *
   * @param apply Gets the elevated caller in the same turn in which its right was found to hold.
   * @throws {CommandError} `permission_denied` if the user is not eligible, `accounts_unavailable` if
   * the system does not tell.
   */
  async elevate(caller: Caller, level: Elevated, apply: (elevated: Caller) => void): Promise<void> {
    const { userName, address } = caller;
    let changes: number;
    let eligible: boolean;
    do {
      changes = this.#changes;
      eligible = await this.isEligible(caller, level);
    } while (changes !== this.#changes);
    if (!eligible) {
      this.#write('elevationRefused', { userName, level, address, ...ownershipOf(caller) });
      throw new CommandError(
        'permission_denied',
        `Cannot become ${level}: user ${JSON.stringify(userName)} is not eligible, expected ${EXPECTED[level]}`,
      );
    }
    apply(caller.level === 'superuser' ? caller : { ...caller, level });
    this.#write('elevationGranted', { userName, level, address, ...ownershipOf(caller) });
  }

  /** Whether a caller may be elevated now. */
  async isEligible(caller: Caller, level: Elevated): Promise<boolean> {
    if (caller.token !== null) return false;
    const account = await this.#options.accounts.account(caller.userName);
    if (account === null) return false;
    if (await this.#isSuperuser(account)) return true;
    return level === 'wrangler' && (await this.#options.wranglers.includes(account));
  }

  /** Whether an id is that of a superuser, or of a group of superusers. */
  async isSuperuserId(kind: WranglerKind, id: string): Promise<boolean> {
    return (await this.#superuserIds(kind)).has(id);
  }

  /** A right was taken back: decisions that are under way are made again. */
  changed(): void {
    this.#changes += 1;
  }

  async #isSuperuser(account: Account): Promise<boolean> {
    // Whoever runs the server gets in even where the names of the options cannot be looked up.
    if (account.id === this.#options.accounts.processOwnerId) return true;
    if ((await this.#superuserIds('user')).has(account.id)) return true;
    const groups = await this.#superuserIds('group');
    return [...groups].some((id) => account.groupIds.has(id));
  }

  async #superuserIds(kind: WranglerKind): Promise<ReadonlySet<string>> {
    const { accounts, superusers, supergroups, clock } = this.#options;
    const remembered = this.#ids.get(kind);
    if (remembered !== undefined && remembered.untilMs > clock.monotonicMs()) return remembered.ids;
    const names = kind === 'user' ? superusers : supergroups;
    const ids = new Set<string>(kind === 'user' ? [accounts.processOwnerId] : []);
    for (const name of names) {
      const id = await accounts.idOf(kind, name);
      if (id !== null) ids.add(id);
    }
    this.#ids.set(kind, { ids, untilMs: clock.monotonicMs() + IDS_KEPT_MS });
    return ids;
  }

  #write(
    name: 'elevationGranted' | 'elevationRefused',
    fields: EventFieldsOf<'elevationGranted'>,
  ): void {
    const { events, logger } = this.#options;
    logger.info(fields, name === 'elevationGranted' ? 'elevated' : 'elevation was refused');
    events.append(name, fields).catch((error: unknown) => {
      logger.error({ err: error }, 'an elevation could not be written to the event log');
    });
  }
}
