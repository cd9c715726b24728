/**
 * Tells receivers to throw away what they hold of cancelled transfers, for as long as it takes: the
 * receiver may be away, and this server may be restarted meanwhile. A receiver keeps unfinished files
 * of a transfer that does not come back for eight days, and so long is it tried.
 */
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { DataPlane, SendOrder, SendOutcome } from '../data/data-plane.js';
import { retryPauseMs } from './retry-policy.js';
import type { Withdrawal, WithdrawalStore } from './withdrawal-store.js';

/** Most receivers that are to be told; beyond that the oldest are left to their own collection. */
export const WITHDRAWALS_MAX = 10_000;
/** Days for which a receiver is tried; see `RECEIVE_ABANDONED_DAYS`. */
const WITHDRAWAL_DAYS = 8;
const DAY_US = 86_400_000_000;

export interface WithdrawalsOptions {
  readonly withdrawals: WithdrawalStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1, evenly. */
  readonly random: () => number;
}

interface Pending extends Withdrawal {
  /** Attempts that broke. */
  failures: number;
  timer: Timer | null;
}

/** @see the head of this file */
export class Withdrawals {
  readonly #options: WithdrawalsOptions;
  /** Oldest first. */
  readonly #pending = new Map<string, Pending>();
  /** Attempts that the data plane has, and what for. */
  readonly #running = new Map<string, Pending>();
  #dataPlane: DataPlane | null = null;
  #isStopping = false;

  constructor(options: WithdrawalsOptions) {
    this.#options = options;
  }

  /** Goes on with what an earlier run of the server has left. */
  async start(dataPlane: DataPlane): Promise<void> {
    this.#dataPlane = dataPlane;
    for (const withdrawal of await this.#options.withdrawals.all()) {
      this.#pending.set(withdrawal.order.transferId, { ...withdrawal, failures: 0, timer: null });
    }
    for (const transferId of this.#pending.keys()) this.begin(transferId);
  }

  /** Starts nothing new; what is pending is durable. */
  stop(): void {
    this.#isStopping = true;
    for (const { timer } of this.#pending.values()) timer?.cancel();
  }

  /** Whether the data plane has an attempt. */
  isRunning(transferId: string): boolean {
    return this.#running.has(transferId);
  }

  /**
   * Takes a transfer that is being cancelled; durable before what is written next.
   *
   * @param order As it was sent; what concerns speed is left out, so that it needs no flow of its own.
   */
  add(order: SendOrder): void {
    const { clock, withdrawals } = this.#options;
    const withdrawal = {
      order: { ...order, rateMaxKbps: null, policy: null, withdraws: true },
      sinceUs: clock.nowUs(),
    };
    this.#pending.set(order.transferId, { ...withdrawal, failures: 0, timer: null });
    this.#write(order.transferId, withdrawals.insert(withdrawal));
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= WITHDRAWALS_MAX) break;
      this.drop(oldest);
    }
  }

  /** Tells the receiver; without effect where there is nothing to tell. Nothing else may be sent then. */
  begin(transferId: string): void {
    const pending = this.#pending.get(transferId);
    if (pending === undefined || this.#running.has(transferId)) return;
    if (this.#dataPlane === null || this.#isStopping) return;
    pending.timer = null;
    this.#running.set(transferId, pending);
    try {
      this.#dataPlane.send(pending.order);
    } catch (error) {
      this.#options.log.error({ transferId, err: error }, 'cannot tell a receiver of a cancel');
      this.#running.delete(transferId);
      this.#pause(pending);
    }
  }

  /** Forgets it: the transfer is to be sent after all. */
  drop(transferId: string): void {
    const pending = this.#pending.get(transferId);
    if (pending === undefined) return;
    pending.timer?.cancel();
    this.#pending.delete(transferId);
    this.#write(transferId, this.#options.withdrawals.remove(transferId));
    if (!this.#running.has(transferId)) return;
    const message = 'The transfer goes on';
    this.#dataPlane?.stopSend(transferId, { code: 'cancelled', message, aftermath: 'keep' });
  }

  /** @returns False when the attempt was none of these. */
  ended(transferId: string, outcome: SendOutcome): boolean {
    const attempted = this.#running.get(transferId);
    if (attempted === undefined) return false;
    this.#running.delete(transferId);
    const pending = this.#pending.get(transferId);
    if (pending !== attempted) {
      this.begin(transferId);
      return true;
    }
    const isOld = this.#options.clock.nowUs() - pending.sinceUs > WITHDRAWAL_DAYS * DAY_US;
    if (outcome.kind === 'interrupted' && !isOld) {
      this.#pause(pending);
      return true;
    }
    const { log, withdrawals } = this.#options;
    const answer = outcome.kind === 'complete' ? '' : outcome.message;
    log.info({ transferId, answer }, 'the receiver was told of a cancelled transfer');
    this.#pending.delete(transferId);
    this.#write(transferId, withdrawals.remove(transferId));
    return true;
  }

  #pause(pending: Pending): void {
    if (this.#isStopping) return;
    const { clock, random } = this.#options;
    const { transferId } = pending.order;
    pending.failures += 1;
    const pauseMs = retryPauseMs({ failures: pending.failures, code: null }, random());
    pending.timer = clock.after(pauseMs, () => this.begin(transferId));
  }

  #write(transferId: string, written: Promise<void>): void {
    written.catch((error: unknown) => {
      this.#options.log.error({ transferId, err: error }, 'cannot save the end of a transfer');
    });
  }
}
