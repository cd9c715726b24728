/** The highest rate at which a path has delivered lately: that of the last ten round trips. */
import type { AckSummary } from './packet-ledger.js';

const ROUNDS = 10;

/** All rates are in bytes per microsecond. */
export class DeliveryRates {
  /** The highest of each round, the present one last. */
  readonly #rounds: number[] = [0];
  #highest = 0;

  /** 0 before the first sample. */
  get highest(): number {
    return this.#highest;
  }
  /** The highest of the present round; 0 before its first sample. */
  get present(): number {
    return this.#rounds.at(-1) as number;
  }

  /** The highest of so many rounds that have ended last. */
  highestOfLast(rounds: number): number {
    return Math.max(...this.#rounds.slice(-1 - rounds, -1), 0);
  }

  note({ deliveryRate: rate, deliveryAppLimited }: AckSummary): void {
    if (rate <= 0 || (deliveryAppLimited && rate <= this.#highest)) return;
    if (rate > this.present) this.#rounds[this.#rounds.length - 1] = rate;
    if (rate > this.#highest) this.#highest = rate;
  }

  endRound(): void {
    this.#rounds.push(0);
    if (this.#rounds.length > ROUNDS) this.#rounds.shift();
    this.#highest = Math.max(...this.#rounds) || this.#highest;
  }

  /** The path has become slower: only the present round counts, at once. */
  collapse(): void {
    this.keep(0);
    this.#highest = this.present;
  }

  /** Forgets all but the present round and so many before it. */
  keep(rounds: number): void {
    this.#rounds.splice(0, this.#rounds.length - 1 - rounds);
    this.#highest = Math.max(...this.#rounds) || this.#highest;
  }
}
