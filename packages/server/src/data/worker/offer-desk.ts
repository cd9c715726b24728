/** Questions to the domain, which lives on the main thread, and their answers. */
import type { ReceiveDecision, ReceiveOffer } from '../data-plane.js';
import type { FromWorker } from './worker-messages.js';

/** Offers that may wait for a decision at once. */
export const OFFERS_WAITING_MAX = 1024;

export class OfferDesk {
  readonly #post: (message: FromWorker) => void;
  readonly #waiting = new Map<number, (decision: ReceiveDecision) => void>();
  #next = 1;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  ask(offer: ReceiveOffer): Promise<ReceiveDecision> {
    if (this.#waiting.size >= OFFERS_WAITING_MAX) {
      const message = `Cannot take the offer: ${this.#waiting.size} are waiting, expected fewer`;
      return Promise.resolve({ accepted: false, code: 'too_many_requests', message });
    }
    const offerId = this.#next;
    this.#next += 1;
    return new Promise((resolve) => {
      this.#waiting.set(offerId, resolve);
      this.#post({ type: 'offer', offerId, offer });
    });
  }

  answer(offerId: number, decision: ReceiveDecision): void {
    const resolve = this.#waiting.get(offerId);
    this.#waiting.delete(offerId);
    resolve?.(decision);
  }
}
