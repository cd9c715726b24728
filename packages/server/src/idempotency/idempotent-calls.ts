/**
 * Calls that carry an idempotency key are carried out at most once: a repeated one returns the first
 * answer. The key is noted, durably, before the call runs, so that a call that a crash has broken off
 * is not run again either; a repetition of it learns that its outcome is not known.
 *
 * A call that fails has changed nothing, so its key is free again. Keys belong to a login: the same
 * text of another user, or of another token session, is another key.
 */
import { createHmac } from 'node:crypto';
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import { type Caller, ownershipOf } from '../sessions/caller.js';
import { keyHashOf, openAnswer, sealAnswer } from './answer-seal.js';
import type { IdempotencyStore } from './idempotency-store.js';
import { IDEMPOTENCY_LIMITS } from './limits.js';

export interface KeyedCall {
  readonly key: string;
  readonly caller: Caller;
  readonly method: string;
  /** Parsed, without the key. */
  readonly params: Readonly<Record<string, unknown>>;
}

interface Running {
  readonly callDigest: string;
  readonly answer: Promise<unknown>;
}

/** @see the head of this file */
export class IdempotentCalls {
  readonly #store: IdempotencyStore;
  readonly #clock: Clock;
  /** By the hash of the key: a repetition waits for the first call. */
  readonly #running = new Map<string, Running>();

  constructor(options: { readonly store: IdempotencyStore; readonly clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /**
   * @param perform Carries the call out; called at most once.
   * @returns The answer of the first call with this key.
   * @throws {CommandError} `conflict` if the key was used for another call, `outcome_unknown`,
   * `too_many_requests`, or whatever the call throws.
   */
  async run(call: KeyedCall, perform: () => Promise<unknown>): Promise<unknown> {
    const { owner, ownerToken, ownerTokenSession } = ownershipOf(call.caller);
    const keyHash = keyHashOf([owner, ownerToken ?? '', ownerTokenSession ?? ''], call.key);
    const callDigest = digestOf(call);
    const running = this.#running.get(keyHash);
    if (running !== undefined) {
      checkSame(call, running.callDigest, callDigest);
      return running.answer;
    }
    const answer = this.#first(call, { keyHash, owner, callDigest }, perform);
    this.#running.set(keyHash, { callDigest, answer });
    try {
      return await answer;
    } finally {
      this.#running.delete(keyHash);
    }
  }

  async #first(
    call: KeyedCall,
    names: { keyHash: string; owner: string; callDigest: string },
    perform: () => Promise<unknown>,
  ): Promise<unknown> {
    const begun = await this.#store.begin({ ...names, nowUs: this.#clock.nowUs() });
    if (begun.kind === 'too many') {
      throw new CommandError(
        'too_many_requests',
        `Cannot call "${call.method}" with an idempotency key: ${IDEMPOTENCY_LIMITS.callsPerOwnerMax} keys of the last 24 hours are kept, expected fewer`,
      );
    }
    if (begun.kind === 'known') {
      checkSame(call, begun.call.callDigest, names.callDigest);
      return storedAnswer(call, begun.call.sealedAnswer);
    }
    const answer = await this.#perform(names.keyHash, perform);
    await this.#store.finish(names.keyHash, sealAnswer(call.key, JSON.stringify(answer ?? null)));
    return answer;
  }

  async #perform(keyHash: string, perform: () => Promise<unknown>): Promise<unknown> {
    try {
      return await perform();
    } catch (error) {
      // Anything else is a defect, after which nobody knows what has happened.
      if (error instanceof CommandError && error.code !== 'internal') {
        await this.#store.forget(keyHash);
      }
      throw error;
    }
  }
}

const checkSame = (call: KeyedCall, first: string, repeated: string): void => {
  if (first === repeated) return;
  throw new CommandError(
    'conflict',
    `Cannot call "${call.method}": its idempotency key was used for another call, expected the same method and parameters, or a new key`,
  );
};

const storedAnswer = (call: KeyedCall, sealed: Uint8Array | null): unknown => {
  if (sealed !== null) return JSON.parse(openAnswer(call.key, sealed)) as unknown;
  throw new CommandError(
    'outcome_unknown',
    `Cannot repeat "${call.method}": the first call with this idempotency key was broken off; look whether it took effect, then call with a new key`,
  );
};

/**
 * The same for the same call, whatever the order of its keys. Made with the idempotency key, which is
 * not stored: parameters may be secrets, and a plain hash of a weak password could be guessed.
 */
const digestOf = ({ key, method, params }: KeyedCall): string => {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHmac('sha256', key)
    .update(JSON.stringify([method, params], sorted))
    .digest('hex');
};
