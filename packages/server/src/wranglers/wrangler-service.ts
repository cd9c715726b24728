/** Wranglers: users and groups that may see and change the objects of all users. */
import { CommandError, type WranglerLists } from '@jetstream/contract';
import type { EventLog } from '../events/event-log.js';
import type { Caller } from '../sessions/caller.js';
import type { AccountDirectory } from './account-directory.js';
import type { Elevation } from './elevation.js';
import type { WranglerKind, WranglerStore } from './wrangler-store.js';

/** Most users and groups with the right. */
export const WRANGLERS_MAX = 10_000;

export interface WranglerServiceOptions {
  readonly store: WranglerStore;
  readonly accounts: AccountDirectory;
  readonly elevation: Elevation;
  readonly events: EventLog;
  /** Looks again at sessions that are elevated; resolves when none has too much. */
  readonly onRemoved: () => Promise<void>;
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 100));

export class WranglerService {
  readonly #options: WranglerServiceOptions;

  constructor(options: WranglerServiceOptions) {
    this.#options = options;
  }

  async list(): Promise<WranglerLists> {
    const all = await this.#options.store.list();
    const of = (kind: WranglerKind) =>
      all.filter((each) => each.kind === kind).map(({ id, name }) => ({ id, name }));
    return { users: of('user'), groups: of('group') };
  }

  /** @throws {CommandError} `not_found` without such a user or group. */
  async add(caller: Caller, kind: WranglerKind, name: string): Promise<void> {
    const { store, accounts, events } = this.#options;
    const id = await accounts.idOf(kind, name);
    if (id === null) {
      throw new CommandError('not_found', `Cannot add a wrangler: no ${kind} ${shown(name)}`, {
        details: { name },
      });
    }
    if ((await store.count()) >= WRANGLERS_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot add a wrangler: there are ${WRANGLERS_MAX}, expected fewer`,
      );
    }
    await Promise.all([
      events.append('wranglerAdded', { kind, id, name, by: caller.userName }),
      store.save({ kind, id, name }),
    ]);
  }

  /**
   * Takes the right back; when this resolves, no session has it any more.
   *
   * @throws {CommandError} `conflict` for a superuser, `not_found` for an id without the right.
   */
  async remove(caller: Caller, kind: WranglerKind, id: string): Promise<void> {
    const { store, elevation, events, onRemoved } = this.#options;
    if (await elevation.isSuperuserId(kind, id)) {
      throw new CommandError(
        'conflict',
        `Cannot delete the wrangler: the ${kind} id ${shown(id)} represents a superuser, who is always a wrangler`,
      );
    }
    const wrangler = await store.find(kind, id);
    if (wrangler === null) {
      throw new CommandError(
        'not_found',
        `Cannot delete the wrangler: no ${kind} with the id ${shown(id)} is one, expected an id from getWranglers()`,
      );
    }
    const { name } = wrangler;
    await Promise.all([
      events.append('wranglerDeleted', { kind, id, name, by: caller.userName }),
      store.remove(kind, id),
    ]);
    elevation.changed();
    await onRemoved();
  }
}
