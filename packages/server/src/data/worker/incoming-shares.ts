/**
 * Divides the limit of incoming data between the flows that receive: each gets an equal part, and
 * what one does not use goes to the others. The parts never add up to more than the limit.
 */

/** A flow that may take a part. */
export interface IncomingUse {
  /** Whether it carries a transfer now. */
  readonly receiving: boolean;
  /** Link bytes so far. */
  readonly bytesReceived: number;
}

/** A flow that uses less of its part than this leaves the rest to others. */
const USED_SHARE = 0.85;
/** Room for such a flow to grow into, until the next turn. */
const GROWTH = 1.3;
/** Of an equal part: what a flow gets that uses nothing. */
const LEAST_SHARE = 0.05;

interface Part {
  share: number;
  bytes: number;
}

/** Gives each what it wants, at most an equal part of what is left; then the rest to all. */
export const divide = (total: number, wanted: readonly number[]): number[] => {
  const shares = wanted.map(() => 0);
  const order = wanted.map((_, index) => index);
  order.sort((a, b) => (wanted[a] as number) - (wanted[b] as number));
  let left = total;
  order.forEach((index, done) => {
    const share = Math.min(wanted[index] as number, left / (order.length - done));
    shares[index] = share;
    left -= share;
  });
  return shares.map((share) => share + left / shares.length);
};

export class IncomingShares {
  readonly #flows: () => Iterable<IncomingUse>;
  #parts = new Map<IncomingUse, Part>();
  #total = Number.POSITIVE_INFINITY;

  /** @param flows All incoming flows there are. */
  constructor(flows: () => Iterable<IncomingUse>) {
    this.#flows = flows;
  }

  /** Whether anybody receives now. */
  get busy(): boolean {
    return this.#busy().length > 0;
  }

  /** Changes the limit, in bytes per microsecond; parts are equal until the next turn. */
  setTotal(total: number): void {
    if (total === this.#total) return;
    const factor = total / this.#total;
    this.#total = total;
    if (!Number.isFinite(factor) || factor === 0) this.#parts.clear();
    else for (const part of this.#parts.values()) part.share *= factor;
  }

  /** What a flow may receive, bytes per microsecond. */
  of(flow: IncomingUse): number {
    if (this.#total === Number.POSITIVE_INFINITY) return this.#total;
    if (!flow.receiving) return this.#total / (this.#busy().length + 1);
    const part = this.#parts.get(flow);
    if (part !== undefined) return part.share;
    // A newcomer: nobody knows yet what it can use.
    this.#divide(() => Number.POSITIVE_INFINITY);
    return this.#parts.get(flow)?.share ?? this.#total;
  }

  /** Divides anew by what was used since the last turn. @param elapsed Microseconds. */
  turn(elapsed: number): void {
    if (this.#total === Number.POSITIVE_INFINITY) return;
    this.#divide((flow, equal) => {
      const part = this.#parts.get(flow);
      if (part === undefined) return Number.POSITIVE_INFINITY;
      const rate = (flow.bytesReceived - part.bytes) / elapsed;
      if (rate >= part.share * USED_SHARE) return Number.POSITIVE_INFINITY;
      return Math.max(rate * GROWTH, equal * LEAST_SHARE);
    });
  }

  #busy(): IncomingUse[] {
    return [...this.#flows()].filter(({ receiving }) => receiving);
  }

  #divide(wanted: (flow: IncomingUse, equal: number) => number): void {
    const busy = this.#busy();
    const equal = this.#total / busy.length;
    const shares = divide(
      this.#total,
      busy.map((flow) => wanted(flow, equal)),
    );
    this.#parts = new Map(
      busy.map((flow, index) => [
        flow,
        { share: shares[index] as number, bytes: flow.bytesReceived },
      ]),
    );
  }
}
