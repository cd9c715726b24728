/**
 * How many bytes of messages a server holds at once, from the first one that arrives until the call has
 * been answered. Strangers get what a login takes and no more; users share the rest, each with a limit.
 * Without it a few hundred unfinished messages of the largest size would take all memory.
 */
import { CONTROL_LIMITS } from './limits.js';

/** What one message takes. */
export interface MessageHold {
  /** Null for a stranger. */
  readonly owner: string | null;
  /**
   * Counts further bytes, or fewer where some turned out to belong to no message.
   *
   * @returns False when they are too many; they are not counted then.
   */
  grow(bytes: number): boolean;
  /** Gives everything back; again without effect. */
  release(): void;
}

export interface MessageBudgetLimits {
  /** Bytes that each message may have, also one of a stranger, without being counted. */
  readonly freeBytes: number;
  readonly perOwnerBytes: number;
  readonly totalBytes: number;
}

export class MessageBudget {
  readonly #limits: MessageBudgetLimits;
  readonly #byOwner = new Map<string, number>();
  #total = 0;

  constructor(
    limits: MessageBudgetLimits = {
      freeBytes: CONTROL_LIMITS.strangerMessageBytesMax,
      perOwnerBytes: CONTROL_LIMITS.heldBytesPerUserMax,
      totalBytes: CONTROL_LIMITS.heldBytesMax,
    },
  ) {
    this.#limits = limits;
  }

  /** Bytes that are counted now. */
  get total(): number {
    return this.#total;
  }

  open(owner: string | null): MessageHold {
    const { freeBytes } = this.#limits;
    let held = 0;
    const counted = (bytes: number): number => Math.max(0, bytes - freeBytes);
    return {
      owner,
      grow: (bytes) => {
        const more = counted(held + bytes) - counted(held);
        if (more > 0 && (owner === null || !this.#fits(owner, more))) return false;
        if (owner !== null) this.#count(owner, more);
        held = Math.max(0, held + bytes);
        return true;
      },
      release: () => {
        if (owner !== null) this.#count(owner, -counted(held));
        held = 0;
      },
    };
  }

  #fits(owner: string, more: number): boolean {
    const { perOwnerBytes, totalBytes } = this.#limits;
    const own = this.#byOwner.get(owner) ?? 0;
    return own + more <= perOwnerBytes && this.#total + more <= totalBytes;
  }

  #count(owner: string, more: number): void {
    if (more === 0) return;
    this.#total += more;
    const own = (this.#byOwner.get(owner) ?? 0) + more;
    if (own > 0) this.#byOwner.set(owner, own);
    else this.#byOwner.delete(owner);
  }
}
