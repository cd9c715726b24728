/**
 * The licence of this server. JetStream is open software: nothing depends on a licence, it only
 * shows in server info who was granted one.
 */

import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CommandError, type LicenseStructure } from '@jetstream/contract';
import { z } from 'zod';
import type { Clock } from '../adapters/clock/clock.js';
import type { SettingStore } from '../adapters/database/settings.js';
import { ConfigError } from '../config/config-error.js';
import type { EventLog } from '../events/event-log.js';
import type { Caller } from '../sessions/caller.js';
import { checkLicenceKey, type LicenceVerdict, readPublicKeys } from './licence-key.js';

const SETTING = 'license';

const saved = z.object({ key: z.string(), validated: z.boolean(), setTimeUs: z.int() });
type Saved = z.infer<typeof saved>;

const STATUS = {
  valid: 'valid',
  expired: 'expired',
  'not yet valid': 'notYetValid',
  'other server': 'invalid',
  malformed: 'invalid',
  'not trusted': 'invalid',
} as const satisfies Record<LicenceVerdict['kind'], LicenseStructure['status']>;

/** What there is to say without a statement that can be trusted. */
const UNKNOWN = { licenseId: null, licensee: null, validFrom: null, validUntil: null };

/**
 * Keys that licences may be signed with, from the file of `--license-public-key`.
 *
 * @throws {ConfigError} If the file cannot be used.
 */
export const trustedLicenceKeys = (path: string | null): KeyObject[] => {
  if (path === null) return [];
  try {
    return readPublicKeys(readFileSync(path, 'utf8'));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = code ?? (cause instanceof Error ? cause.message : 'unreadable');
    const actual = `"${path}" (${reason})`;
    throw new ConfigError('licensePublicKey', actual, 'a PEM file of Ed25519 public keys');
  }
};

export interface LicenceServiceOptions {
  readonly store: SettingStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly trustedKeys: readonly KeyObject[];
  readonly serverUid: string;
}

export class LicenceService {
  readonly #options: LicenceServiceOptions;
  #saved: Saved | null = null;

  constructor(options: LicenceServiceOptions) {
    this.#options = options;
  }

  /** Reads what was set before. */
  async load(): Promise<void> {
    const text = await this.#options.store.read(SETTING);
    if (text !== null) this.#saved = saved.parse(JSON.parse(text));
  }

  /**
   * Sets the key; resolves when it is durable.
   *
   * @param validate Whether a key that is not valid now is refused.
   * @throws {CommandError} `invalid_params` for a bad key, `conflict` for one that is not in force
   * here or cannot be checked; nothing changes then.
   */
  async set(caller: Caller, given: { key: string; validate: boolean }): Promise<void> {
    const { store, events, clock } = this.#options;
    const { validate } = given;
    const key = given.key.trim();
    if (validate) this.#refuseBad(key);
    const next = { key, validated: validate, setTimeUs: clock.nowUs() };
    await Promise.all([
      events.append('licenseKeySet', {
        status: validate ? 'valid' : 'unverified',
        by: caller.userName,
      }),
      store.save(SETTING, JSON.stringify(next)),
    ]);
    this.#saved = next;
  }

  /** What server info says. Names are for those who have logged in. */
  describe(caller: Caller | null): LicenseStructure {
    if (this.#saved === null) return { status: 'none', ...UNKNOWN };
    if (!this.#saved.validated) return { status: 'unverified', ...UNKNOWN };
    const { kind, statement } = this.#check(this.#saved.key);
    const status = STATUS[kind];
    if (statement === null || caller === null) return { status, ...UNKNOWN };
    const { licenseId, licensee, issued, validFrom = issued, validUntil = null } = statement;
    return { status, licenseId, licensee, validFrom, validUntil };
  }

  #check(key: string): LicenceVerdict {
    const { trustedKeys, serverUid, clock } = this.#options;
    return checkLicenceKey(key, { trustedKeys, serverUid, nowUs: clock.nowUs() });
  }

  #refuseBad(key: string): void {
    if (this.#options.trustedKeys.length === 0) {
      throw new CommandError(
        'conflict',
        'Cannot validate the licence key: this server trusts no signer, expected --license-public-key on its command line',
      );
    }
    const verdict = this.#check(key);
    if (verdict.kind === 'valid') return;
    const code = verdict.statement === null ? 'invalid_params' : 'conflict';
    throw new CommandError(code, `Cannot set the licence key: the key ${verdict.reason}`, {
      details: { parameter: 'key', verdict: verdict.kind },
    });
  }
}
