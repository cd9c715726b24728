/**
 * Whose turn it is. Each destination has a lane, sorted by priority and then by age (ids rise with
 * time); of the lanes with room, the one whose head comes first goes next.
 */
import type { TransferRecord } from './transfer-record.js';

/** What the queue knows of a waiting transfer. */
export interface QueuedTransfer {
  readonly transferId: string;
  readonly destinationId: string;
  /** Lower goes first. */
  readonly priority: number;
}

/** What the queue needs of a transfer's record. */
export const queuedOf = (
  record: Pick<TransferRecord, 'id' | 'destinationId' | 'priority'>,
): QueuedTransfer => ({
  transferId: record.id,
  destinationId: record.destinationId,
  priority: record.priority,
});

/** How many transfers may run at the same time. */
export interface QueueLimits {
  readonly activeMax: number;
  /** For a destination, which may have a narrower limit of its own. */
  activePerDestinationMax(destinationId: string): number;
}

/** Order of the queue: negative when `a` goes first. */
export const compareQueued = (a: QueuedTransfer, b: QueuedTransfer): number => {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.transferId === b.transferId) return 0;
  return a.transferId < b.transferId ? -1 : 1;
};

/** First index of a sorted lane whose item does not go before `item`. */
const positionIn = (lane: readonly QueuedTransfer[], item: QueuedTransfer): number => {
  let low = 0;
  let high = lane.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = lane[middle];
    if (other !== undefined && compareQueued(other, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Waiting and running transfers of all destinations; plain state, no effects. */
export class TransferQueue {
  readonly #limits: QueueLimits;
  readonly #lanes = new Map<string, QueuedTransfer[]>();
  readonly #active = new Map<string, QueuedTransfer>();
  readonly #activeOf = new Map<string, number>();

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Number of running transfers, of one destination or of all. */
  activeCount(destinationId?: string): number {
    if (destinationId === undefined) return this.#active.size;
    return this.#activeOf.get(destinationId) ?? 0;
  }

  /** Number of transfers of a destination that wait for a slot. */
  waitingCount(destinationId: string): number {
    return this.#lanes.get(destinationId)?.length ?? 0;
  }

  /** Lets a transfer wait for its turn; one that waits already stays where it is. */
  add(item: QueuedTransfer): void {
    const lane = this.#lanes.get(item.destinationId) ?? [];
    this.#lanes.set(item.destinationId, lane);
    const position = positionIn(lane, item);
    if (lane[position]?.transferId === item.transferId) return;
    lane.splice(position, 0, item);
  }

  /** Takes a transfer out of its lane; false when it did not wait there. */
  remove(item: QueuedTransfer): boolean {
    const lane = this.#lanes.get(item.destinationId);
    if (lane === undefined) return false;
    const position = positionIn(lane, item);
    if (lane[position]?.transferId !== item.transferId) return false;
    lane.splice(position, 1);
    if (lane.length === 0) this.#lanes.delete(item.destinationId);
    return true;
  }

  /** Takes the next transfer that may run and counts it as running; null when none may. */
  next(): QueuedTransfer | null {
    if (this.#active.size >= this.#limits.activeMax) return null;
    let best: QueuedTransfer | null = null;
    for (const [destinationId, lane] of this.#lanes) {
      const head = lane[0];
      if (head === undefined || this.#isFull(destinationId)) continue;
      if (best === null || compareQueued(head, best) < 0) best = head;
    }
    if (best === null) return null;
    this.remove(best);
    this.#active.set(best.transferId, best);
    this.#activeOf.set(best.destinationId, this.activeCount(best.destinationId) + 1);
    return best;
  }

  /** Gives the slot of a running transfer back; false when it had none. */
  release(transferId: string): boolean {
    const item = this.#active.get(transferId);
    if (item === undefined) return false;
    this.#active.delete(transferId);
    const count = this.activeCount(item.destinationId) - 1;
    if (count === 0) this.#activeOf.delete(item.destinationId);
    else this.#activeOf.set(item.destinationId, count);
    return true;
  }

  #isFull(destinationId: string): boolean {
    return this.activeCount(destinationId) >= this.#limits.activePerDestinationMax(destinationId);
  }
}
