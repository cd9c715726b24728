/** Sending servers that may store files here without a token, by their identity keys. */
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { SettingStore } from '../adapters/database/settings.js';
import type { EventLog } from '../events/event-log.js';
import { parsePublicKey } from './public-key.js';
import type { AuthorizedClientStore } from './receive-store.js';

/** Most authorised clients. */
export const AUTHORIZED_CLIENTS_MAX = 10_000;

/** Name of the setting that says whether only they may send. */
const SETTING = 'onlyAuthorizedClients';

export interface AuthorizedClientsOptions {
  readonly store: AuthorizedClientStore;
  readonly events: EventLog;
  readonly settings: SettingStore;
  readonly clock: Clock;
  /** Called when only listed ones may send from now on. */
  readonly onOnly: () => void;
  /** Called when a key has lost its right, before the call that took it returns. */
  readonly onRemoved: (publicKey: string) => void;
}

/** The list is in memory; the store follows. */
export class AuthorizedClients {
  readonly #options: AuthorizedClientsOptions;
  /** Key to the user who has added it. */
  readonly #keys = new Map<string, string>();
  #isOnly = false;

  constructor(options: AuthorizedClientsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#isOnly = (await this.#options.settings.read(SETTING)) === 'true';
    for (const { publicKey, addedBy } of await this.#options.store.all()) {
      this.#keys.set(publicKey, addedBy);
    }
  }

  /** Whether a server with this key may store files. */
  has(publicKey: string): boolean {
    return this.#keys.has(publicKey);
  }

  /** Whether servers that are not listed are refused, whatever token they show. */
  get isOnly(): boolean {
    return this.#isOnly;
  }

  /** Decides on that; resolves when it is durable. */
  async allowOnly(only: boolean, by: string): Promise<null> {
    const { settings, events, onOnly } = this.#options;
    await Promise.all([
      events.append('onlyAuthorizedClientsSet', { onlyAuthorizedClientsAllowed: only, by }),
      settings.save(SETTING, String(only)),
    ]);
    this.#isOnly = only;
    if (only) onOnly();
    return null;
  }

  /** The user who has added a key; null for one that is not there. */
  addedBy(publicKey: string): string | null {
    return this.#keys.get(publicKey) ?? null;
  }

  list(): { clientPublicKey: string }[] {
    return [...this.#keys.keys()].map((clientPublicKey) => ({ clientPublicKey }));
  }

  /** Adding a key that is there already is no error. */
  async add(text: string, addedBy: string): Promise<null> {
    const publicKey = parsePublicKey(text, 'clientPublicKey');
    if (this.#keys.has(publicKey)) return null;
    if (this.#keys.size >= AUTHORIZED_CLIENTS_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot authorise a client: there are ${this.#keys.size}, expected fewer`,
      );
    }
    const { store, events, clock } = this.#options;
    await Promise.all([
      events.append('authorizedClientAdded', { clientPublicKey: publicKey, by: addedBy }),
      store.add({ publicKey, addedBy, addedTimeUs: clock.nowUs() }),
    ]);
    this.#keys.set(publicKey, addedBy);
    return null;
  }

  /** @throws {CommandError} `not_found` */
  async remove(text: string, removedBy: string): Promise<null> {
    const publicKey = parsePublicKey(text, 'clientPublicKey');
    if (!this.#keys.delete(publicKey)) {
      throw new CommandError('not_found', `Cannot find the authorised client "${publicKey}"`);
    }
    // The right ends now; a crash before the next line brings it back, as nothing was acknowledged.
    this.#options.onRemoved(publicKey);
    const { store, events } = this.#options;
    await Promise.all([
      events.append('authorizedClientRemoved', { clientPublicKey: publicKey, by: removedBy }),
      store.remove(publicKey),
    ]);
    return null;
  }
}
