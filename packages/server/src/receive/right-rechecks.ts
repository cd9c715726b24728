/**
 * Asks again, while files arrive, whether the right that let them in is still there: accounts are
 * locked by other programs, tokens expire by themselves, and a transfer may take days without a break.
 */
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { ReceiveRecord } from './receive-record.js';
import type { UploadTokens } from './receive-rights.js';

/** How often. */
export const RIGHT_RECHECK_MS = 5_000;

/** What is arriving, and how it is ended. */
export interface Arrivals {
  activeRecords(): readonly ReceiveRecord[];
  refuseActive(hasLostRight: (record: ReceiveRecord) => boolean): void;
}

export interface RightRechecksOptions {
  readonly receive: Arrivals;
  readonly tokens: Pick<UploadTokens, 'isUploadOver'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @see the head of this file */
export class RightRechecks {
  readonly #options: RightRechecksOptions;
  #timer: Timer | null = null;

  constructor(options: RightRechecksOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, log } = this.#options;
    this.#timer = every(clock, RIGHT_RECHECK_MS, () => {
      this.check().catch((error: unknown) =>
        log.error({ err: error }, 'the rights of what arrives could not be checked again'),
      );
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Refuses what has lost its right. */
  async check(): Promise<void> {
    const { receive, tokens, log } = this.#options;
    const owners = new Map<string, string>();
    for (const { owner, ownerToken } of receive.activeRecords()) {
      if (ownerToken !== null) owners.set(ownerToken, owner);
    }
    for (const [tokenId, owner] of owners) {
      try {
        if (!(await tokens.isUploadOver(owner, tokenId))) continue;
      } catch (error) {
        // Without an answer it goes on.
        log.warn({ err: error, owner }, 'the right of a transfer could not be checked again');
        continue;
      }
      receive.refuseActive((record) => record.ownerToken === tokenId);
    }
  }
}
