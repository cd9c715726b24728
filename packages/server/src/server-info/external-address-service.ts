/**
 * The address under which others reach this server: given on the command line, replaced by the API.
 * A flag that was changed since the API set an address counts again, because it is the newer word.
 */
import { CommandError } from '@jetstream/contract';
import { z } from 'zod';
import type { SettingStore } from '../adapters/database/settings.js';
import type { EventLog } from '../events/event-log.js';
import type { Caller } from '../sessions/caller.js';
import { parseExternalAddress } from './external-address.js';

const SETTING = 'externalAddress';

const saved = z.object({ address: z.string(), flag: z.string().nullable() });

export interface ExternalAddressServiceOptions {
  readonly store: SettingStore;
  readonly events: EventLog;
  /** `--external-address`, null without. */
  readonly flag: string | null;
}

export class ExternalAddressService {
  readonly #options: ExternalAddressServiceOptions;
  #address: string | null;

  constructor(options: ExternalAddressServiceOptions) {
    this.#options = options;
    this.#address = options.flag;
  }

  /** As it was given; null when there is none. */
  get address(): string | null {
    return this.#address;
  }

  /** Its host name or IP address, lower case; null when there is none. */
  get host(): string | null {
    if (this.#address === null) return null;
    return parseExternalAddress(this.#address)?.host.toLowerCase() ?? null;
  }

  /** Reads what was set before. */
  async load(): Promise<void> {
    const text = await this.#options.store.read(SETTING);
    if (text === null) return;
    const { address, flag } = saved.parse(JSON.parse(text));
    if (flag === this.#options.flag) this.#address = address;
  }

  /**
   * Sets the address; resolves when it is durable.
   *
   * @throws {CommandError} `invalid_params` if it is none.
   */
  async set(caller: Caller, address: string): Promise<void> {
    if (parseExternalAddress(address) === null) {
      throw new CommandError(
        'invalid_params',
        `Cannot set the external address: parameter "address" is ${JSON.stringify(address.slice(0, 100))}, expected a host name or IP address, with :port if needed`,
        { details: { parameter: 'address' } },
      );
    }
    const { store, events, flag } = this.#options;
    await Promise.all([
      events.append('externalAddressSet', { address, by: caller.userName }),
      store.save(SETTING, JSON.stringify({ address, flag })),
    ]);
    this.#address = address;
  }
}
