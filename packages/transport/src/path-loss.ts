/**
 * The share of packets that a path loses by itself, whatever is sent: noise on a radio link, not a full
 * queue. It is read from packets sent while no queue is known, a round trip at a time, and the middle
 * reading counts: someone else's burst fills a queue for a round or two and must not look like the
 * path, or making up for it would add to the crowd.
 */

/** The most that is believed, and so made up for. */
const SHARE_MAX = 0.5;
/** Packets of one reading at least; and of the first, which is taken sooner. */
const READING_PACKETS = 200;
const FIRST_PACKETS = 100;
/** Readings kept. */
const READINGS_MAX = 9;
/** With fewer the first ones, which may be of few packets, are taken together. */
const MEDIAN_READINGS_MIN = 3;
/** Readings that a collapse takes back, and one more than which do not count after it. */
const COLLAPSE_READINGS = 3;
/** Losses that may well be seen where none were among as many packets (the rule of three). */
const UNSEEN_LOSSES = 3;
/** How far what is known of the path's share may be off, in standard deviations: the first readings are small. */
const SHARE_DEVIATIONS = 3;
/** Chance excess that is tolerated, in standard deviations, and in packets. */
const DEVIATIONS = 4;
const PACKETS_SLACK = 3;

interface Reading {
  readonly packets: number;
  readonly share: number;
}

export class PathLoss {
  readonly #readings: Reading[] = [];
  #resolved = 0;
  #lost = 0;
  #share = 0;
  #pauseRounds = 0;

  /** 0 to 0.5. */
  get share(): number {
    if (this.#readings.length > 0) return this.#share;
    return this.#resolved < FIRST_PACKETS ? 0 : this.#now;
  }

  /** What earlier rounds have shown; null before they have. */
  get settled(): number | null {
    return this.#readings.length > 0 ? this.#share : null;
  }

  get #now(): number {
    return Math.min(SHARE_MAX, Math.max(0, this.#lost) / this.#resolved);
  }

  /** Whether a collapse is so recent that losses may still be its own. */
  get paused(): boolean {
    return this.#pauseRounds > 0;
  }

  /** Calm packets whose fate has become known; `lost` is below 0 when some turned up after all. */
  add(resolved: number, lost: number): void {
    if (this.#pauseRounds > 0) return;
    this.#resolved += resolved;
    this.#lost += lost;
  }

  endRound(): void {
    this.#pauseRounds = Math.max(0, this.#pauseRounds - 1);
    if (this.#resolved < READING_PACKETS) return;
    this.#readings.push({ packets: this.#resolved, share: this.#now });
    if (this.#readings.length > READINGS_MAX) this.#readings.shift();
    this.#resolved = 0;
    this.#lost = 0;
    this.#settle();
  }

  /**
   * The path has collapsed: what was on its way then was sent calmly and lost all the same, so
   * neither the last rounds nor the next ones say what the path loses by itself.
   */
  collapsed(): void {
    this.#resolved = 0;
    this.#lost = 0;
    this.#pauseRounds = COLLAPSE_READINGS + 1;
    this.#readings.splice(-COLLAPSE_READINGS);
    if (this.#readings.length > 0) this.#settle();
  }

  #settle(): void {
    if (this.#readings.length < MEDIAN_READINGS_MIN) {
      const lost = this.#readings.reduce((sum, { packets, share }) => sum + packets * share, 0);
      this.#share = lost / this.#readingPackets;
      return;
    }
    const sorted = this.#readings.map(({ share }) => share).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const upper = sorted[middle] as number;
    this.#share = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
  }

  get #readingPackets(): number {
    return this.#readings.reduce((sum, { packets }) => sum + packets, 0);
  }

  /** How many more packets of these were lost than the path explains; below 0 when none. */
  excess(resolved: number, lost: number): number {
    // What is under way is no part of the share yet, unless there is nothing else.
    const known = this.#readings.length > 0 ? this.#readingPackets : this.#resolved;
    const packets = Math.max(known, FIRST_PACKETS);
    const unknown = UNSEEN_LOSSES / packets + SHARE_DEVIATIONS * Math.sqrt(this.share / packets);
    const expected = resolved * Math.min(SHARE_MAX, this.share + unknown);
    return lost - expected * 1.25 - DEVIATIONS * Math.sqrt(expected) - PACKETS_SLACK;
  }
}
