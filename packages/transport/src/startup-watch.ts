/**
 * Watches a flow that starts up: how fast it may try to go, and when it has seen enough. Each round
 * trip doubles the rate until the delivery rate stops growing, a queue appears or losses jump.
 */
import type { RoundCounts } from './rate-policy.js';
import { TrainReadings } from './train-readings.js';

export const STARTUP_GAIN = 2.4;
/** The delivery rate still grows when a round delivers this many times as much. */
const GROWTH = 1.25;
/** Rounds without growth, and round trips in a row that show a queue, which are enough. */
const FULL_ROUNDS = 3;
const QUEUE_SIGNS = 3;
/**
 * Where trains bound what is tried, a queue grows slowly, and longer round trips at once are those of a
 * receiver that is busy with the beginning of a transfer. Only a queue that stands through a whole round,
 * while no more arrives than before, is one then: so many ends of rounds with nothing but signs between them.
 */
const QUEUED_ROUND_ENDS = 2;
/** Packets of a round that say something of the path's own loss, and of its rate. */
const ROUND_PACKETS_MIN = 64;
/** Packets that a round may lose beyond the expected ones by chance. */
const LOSS_SLACK = 32;
/** Rounds after which the delivery rate is one of whole windows, so that it bounds what trains allow. */
const MEASURED_ROUNDS = 2;

export class StartupWatch {
  readonly #trains: TrainReadings;
  #fullRate = 0;
  #fullRounds = 0;
  /** Rounds with enough packets to count. */
  #rounds = 0;
  #queueSigns = 0;
  /** Rounds that have ended since the first of these signs. */
  #queuedRoundEnds = 0;
  /** Lowest share lost in a round so far, taken for the path's own. */
  #loss = 1;
  /** Whether losses have ended it. */
  #lostMuch = false;

  /** @param rateHint What an earlier flow delivered, bytes per microsecond; 0 when unknown. */
  constructor(rateHint: number) {
    this.#trains = new TrainReadings(rateHint);
  }

  /** The receiver has timed a train. @param rate Bytes per microsecond. */
  noteTrain(rate: number): void {
    this.#trains.add(rate);
  }

  /** @param queuedUs A round trip longer than this shows a queue. */
  noteRtt(rttUs: number, queuedUs: number): void {
    this.#queueSigns = rttUs > queuedUs ? this.#queueSigns + 1 : 0;
    if (this.#queueSigns === 0) this.#queuedRoundEnds = 0;
  }

  /** @param bandwidth Highest delivery rate so far, bytes per microsecond. */
  endRound(bandwidth: number, { resolved, lost }: RoundCounts): void {
    if (bandwidth > this.#fullRate * GROWTH) {
      this.#fullRate = bandwidth;
      this.#fullRounds = 0;
    } else {
      this.#fullRounds += 1;
    }
    if (this.#queueSigns > 0) this.#queuedRoundEnds += 1;
    if (resolved < ROUND_PACKETS_MIN) return;
    this.#rounds += 1;
    this.#loss = Math.min(this.#loss, lost / resolved);
  }

  /**
   * Bytes per microsecond to try: more each round, helped and bounded by what trains say. Trains that came in
   * closer together than they left the slowest link say too much; what arrives then does not follow.
   */
  rate(bandwidth: number, initialRate: number): number {
    const next = Math.max(bandwidth * STARTUP_GAIN, initialRate);
    const tried = this.#trains.apply(next);
    return this.#rounds < MEASURED_ROUNDS ? tried : Math.min(tried, next);
  }

  /** Whether the path is known well enough, the present round included. */
  isDone({ resolved, lost }: RoundCounts): boolean {
    if (this.#fullRounds >= FULL_ROUNDS || this.#queueStands) return true;
    this.#lostMuch = lost > resolved * (2 * this.#loss + 0.1) + LOSS_SLACK;
    return this.#lostMuch;
  }

  /** Whether it was trains that have bounded what was tried, and neither a queue nor losses. */
  get leavesRoom(): boolean {
    return this.#trains.known && this.#queueSigns === 0 && !this.#lostMuch;
  }

  /** The least that a round has lost; 1 before one has counted. */
  get loss(): number {
    return this.#loss;
  }

  get #queueStands(): boolean {
    if (this.#queueSigns < QUEUE_SIGNS) return false;
    if (!this.#trains.known) return true;
    return this.#queuedRoundEnds >= QUEUED_ROUND_ENDS && this.#fullRounds > 0;
  }
}
