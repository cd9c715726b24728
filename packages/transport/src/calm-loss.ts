/**
 * The share of packets that a path loses by itself: counted over packets that were sent while no
 * queue stood. In a collapse of the path most packets on their way are lost, and they had been sent
 * calmly; so what the last rounds say is kept apart until it is sure that the path still stands.
 */

/** Share of loss that the rate controller makes up for. */
const LOSS_COMPENSATION_MAX = 0.5;
const RESOLVED_MIN = 100;
/** From here on, older packets count for less and less. */
const RESOLVED_MAX = 20_000;
/** Rounds that are kept apart. */
const RECENT_ROUNDS = 3;

interface Counts {
  resolved: number;
  lost: number;
}

const shareOf = ({ resolved, lost }: Counts): number =>
  resolved < RESOLVED_MIN ? 0 : Math.min(LOSS_COMPENSATION_MAX, Math.max(0, lost) / resolved);

export class CalmLoss {
  readonly #all: Counts = { resolved: 0, lost: 0 };
  readonly #rounds: Counts[] = [];
  #current: Counts = { resolved: 0, lost: 0 };
  #pauseRounds = 0;

  /** Estimated share, 0 to 0.5; 0 while too little is known. */
  get share(): number {
    return shareOf(this.#all);
  }

  /** The same without the last rounds. */
  get earlierShare(): number {
    const { resolved, lost } = this.#recent();
    return shareOf({ resolved: this.#all.resolved - resolved, lost: this.#all.lost - lost });
  }

  /** Packets of calm times that have arrived or been lost; counts may be taken back. */
  note(resolved: number, lost: number): void {
    if (this.#pauseRounds > 0) return;
    for (const counts of [this.#all, this.#current]) {
      counts.resolved += resolved;
      counts.lost += lost;
    }
    if (this.#all.resolved <= RESOLVED_MAX) return;
    for (const counts of [this.#all, this.#current, ...this.#rounds]) {
      counts.resolved /= 2;
      counts.lost /= 2;
    }
  }

  endRound(): void {
    this.#pauseRounds = Math.max(0, this.#pauseRounds - 1);
    this.#rounds.push(this.#current);
    this.#current = { resolved: 0, lost: 0 };
    if (this.#rounds.length > RECENT_ROUNDS) this.#rounds.shift();
  }

  /** The path has collapsed: neither the last rounds nor the next ones say what it loses itself. */
  collapsed(): void {
    const { resolved, lost } = this.#recent();
    this.#all.resolved -= resolved;
    this.#all.lost -= lost;
    this.#rounds.length = 0;
    this.#current = { resolved: 0, lost: 0 };
    this.#pauseRounds = RECENT_ROUNDS + 1;
  }

  #recent(): Counts {
    const sum = { ...this.#current };
    for (const { resolved, lost } of this.#rounds) {
      sum.resolved += resolved;
      sum.lost += lost;
    }
    return sum;
  }
}
