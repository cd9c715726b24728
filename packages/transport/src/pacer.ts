/**
 * Spreads packets over time: credit grows with the pacing rate and is capped. Time without anything to
 * send is not made up for; time that packets waited because the machine was busy is, in part.
 */

/** Longest time that unused credit stands for. */
const BURST_US = 2000;
/**
 * Once the credit is used up, so much is saved before a sender wakes again: waking for each packet
 * costs more than sending it, and no queue notices half a millisecond. The longer a path and its queues,
 * the more goes unnoticed: these parts of a burst that the queues take, and of the round trip.
 */
const QUANTUM_US = 500;
const QUANTUM_US_MAX = 1500;
const QUANTUM_OF_BURST = 1 / 10;
const QUANTUM_OF_ROUND_TRIP = 1 / 16;
/** The most at a ceiling, which is to hold over every tenth of a second. */
const CEILING_BURST_US = 5000;

export class Pacer {
  #credit: number;
  #updatedAt: number;
  readonly #burstBytesMin: number;
  /** Packets leave in trains of this many bytes; 0 lets each leave as soon as it may. */
  #trainBytes = 0;
  #inTrain = false;
  #waited = false;
  /** The same while packets waited: a busy machine wakes a sender some tens of milliseconds late. */
  #lateBurstUs = BURST_US;
  #quantumUs = QUANTUM_US;

  /** @param burstBytesMin Burst always allowed below a ceiling, a few packets. */
  constructor(burstBytesMin: number, now: number) {
    this.#burstBytesMin = burstBytesMin;
    this.#credit = burstBytesMin;
    this.#updatedAt = now;
  }

  /**
   * Brings the credit up to date.
   *
   * @param rate Bytes per microsecond.
   * @param atCeiling Whether somebody has set this rate as a limit.
   * @returns Whether packets waited longer than can be made up for: the machine, not the path, has
   * set the rate.
   */
  refill(rate: number, now: number, atCeiling = false): boolean {
    const burst = Math.max(this.#burstBytes(rate, atCeiling), this.#trainBytes);
    const earned = this.#credit + rate * (now - this.#updatedAt);
    this.#credit = Math.min(burst, earned);
    this.#updatedAt = now;
    return this.#waited && earned > burst;
  }

  #burstBytes(rate: number, atCeiling: boolean): number {
    const burstUs = this.#waited ? this.#lateBurstUs : BURST_US;
    const burst = Math.max(rate * burstUs, this.#burstBytesMin);
    return atCeiling ? Math.min(burst, rate * CEILING_BURST_US) : burst;
  }

  /**
   * Limits what leaves at once to what does no harm on the path.
   *
   * @param burstUs Longest burst that its queues can take.
   */
  fitPath(burstUs: number, roundTripUs: number): void {
    this.#lateBurstUs = Math.max(burstUs, BURST_US);
    const unnoticed = Math.min(burstUs * QUANTUM_OF_BURST, roundTripUs * QUANTUM_OF_ROUND_TRIP);
    this.#quantumUs = Math.max(QUANTUM_US, Math.min(QUANTUM_US_MAX, unnoticed));
  }

  /** Says whether packets wait for credit from now on. */
  setWaiting(waiting: boolean): void {
    this.#waited = waiting;
  }

  /** Saves credit up until a whole train may leave back to back, so that it can be measured. */
  setTrain(bytes: number): void {
    this.#trainBytes = bytes;
  }

  /** Whether the next packet continues a train. */
  get inTrain(): boolean {
    return this.#inTrain;
  }

  get ready(): boolean {
    if (this.#trainBytes === 0 || this.inTrain) return this.#credit > 0;
    return this.#credit >= this.#trainBytes;
  }

  /** Whether a packet that need not be measured may leave, train or not. */
  get solvent(): boolean {
    return this.#credit > 0;
  }

  spend(bytes: number): void {
    this.#credit -= bytes;
    this.#inTrain = this.#trainBytes > 0 && this.#credit > 0;
  }

  /** Microseconds until packets should leave at `rate`; 0 if one may now. */
  waitUs(rate: number): number {
    if (this.ready) return 0;
    const needed = this.inTrain ? 1 : Math.max(this.#trainBytes, rate * this.#quantumUs, 1);
    return (needed - this.#credit) / Math.max(rate, 1e-6);
  }
}
