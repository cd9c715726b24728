/**
 * All links of a data worker. Transfers to one destination share a link, except those with a policy
 * or a ceiling of their own: what one flow does can only be decided once. The ceiling of the
 * destination is divided among its links, and what one may not use goes to the others.
 */
import type { SendOrder } from '../data-plane.js';
import { type LinkEvents, OutgoingLink } from './outgoing-link.js';
import type { SendJob } from './send-job.js';
import type { WorkerContext } from './worker-context.js';

const BYTES_PER_US_OF_KBPS = 8000;

/**
 * Divides a total: each gets an equal part, or its own ceiling where that is lower.
 *
 * @param total Infinity for no limit.
 * @param ceilings One of each that takes part; Infinity for none.
 */
export const shareOut = (total: number, ceilings: readonly number[]): number[] => {
  const shares = [...ceilings];
  const rising = ceilings.map((_, index) => index);
  rising.sort((a, b) => (ceilings[a] ?? 0) - (ceilings[b] ?? 0));
  let left = total;
  rising.forEach((index, done) => {
    const share = Math.min(ceilings[index] ?? 0, left / (rising.length - done));
    shares[index] = share;
    if (Number.isFinite(left)) left -= share;
  });
  return shares;
};

const bytesPerUs = (kbps: number | null): number =>
  kbps === null ? Number.POSITIVE_INFINITY : kbps / BYTES_PER_US_OF_KBPS;

/** Which link an order goes over. */
const keyOf = (order: SendOrder, ip: string): string => {
  const { id, port, publicKey, minCipher, policy } = order.destination;
  const alone = order.rateMaxKbps === null ? null : order.transferId;
  return JSON.stringify([id, ip, port, publicKey, minCipher, order.policy ?? policy, alone]);
};

/** Whether two orders of one transfer may stay on the same link. */
const shareLink = (a: SendOrder, b: SendOrder): boolean =>
  (a.policy ?? a.destination.policy) === (b.policy ?? b.destination.policy) &&
  (a.rateMaxKbps === null) === (b.rateMaxKbps === null);

/** @see the head of this file */
export class LinkTable {
  readonly #context: WorkerContext;
  readonly #events: LinkEvents;
  readonly #links = new Map<string, OutgoingLink>();
  readonly #linkOf = new WeakMap<SendJob, OutgoingLink>();

  constructor(context: WorkerContext, events: LinkEvents) {
    this.#context = context;
    this.#events = {
      ...events,
      ended: (job, end, peer) => {
        events.ended(job, end, peer);
        this.#shareOut(job.order.destination.id);
      },
    };
  }

  values(): Iterable<OutgoingLink> {
    return this.#links.values();
  }

  send(order: SendOrder, ip: string): SendJob {
    const link = this.#link(order, ip);
    const job = link.add(order);
    this.#linkOf.set(job, link);
    this.#shareOut(order.destination.id);
    return job;
  }

  /** Lets a running job follow its order; it changes the link where it has to. */
  update(job: SendJob, order: SendOrder): void {
    const before = job.order;
    const link = this.#linkOf.get(job);
    job.order = order;
    if (link !== undefined && !shareLink(before, order)) {
      link.release(job);
      const next = this.#link(order, link.ip);
      next.adopt(job);
      this.#linkOf.set(job, next);
    }
    this.#shareOut(order.destination.id);
  }

  /** Once per turn of the worker. @returns When the next is due. */
  tick(): number {
    let deadline = Infinity;
    for (const [key, link] of this.#links) {
      deadline = Math.min(deadline, link.tick());
      if (link.closed) this.#links.delete(key);
    }
    return deadline;
  }

  #link(order: SendOrder, ip: string): OutgoingLink {
    const key = keyOf(order, ip);
    const known = this.#links.get(key);
    if (known !== undefined && !known.closed) return known;
    const link = new OutgoingLink(this.#context, { order, ip }, this.#events);
    this.#links.set(key, link);
    return link;
  }

  /** Gives each busy link of a destination its part of the ceiling. */
  #shareOut(destinationId: string): void {
    const busy: { readonly link: OutgoingLink; readonly order: SendOrder }[] = [];
    for (const link of this.#links.values()) {
      const order = link.anyOrder;
      if (order?.destination.id === destinationId) busy.push({ link, order });
    }
    const [first] = busy;
    if (first === undefined) return;
    const total = bytesPerUs(first.order.destination.rateMaxKbps);
    const shares = shareOut(
      total,
      busy.map(({ order }) => bytesPerUs(order.rateMaxKbps)),
    );
    busy.forEach(({ link }, index) => {
      link.setCeiling(shares[index] ?? total);
    });
  }
}
