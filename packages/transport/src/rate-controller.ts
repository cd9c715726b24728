/**
 * Congestion control: how fast to send and how much may be in flight.
 *
 * A model of the path in the manner of BBR: the highest recent delivery rate and the lowest recent
 * round-trip time. Random loss does not slow it down: the share of packets lost while no queue
 * stands ("calm" packets) is the path's own loss, and the sending rate is raised to make up for it.
 * A standing queue, seen as a longer round trip, makes it send a little slower until it is gone.
 *
 * Phases: `startup` doubles each round until the delivery rate stops growing, a queue appears or
 * loss jumps; `drain` empties the queue made so far; `cruise` sends at the measured rate and probes
 * for more once every eight round trips; `refresh` empties the pipe briefly when the lowest
 * round-trip time has not been seen for long.
 *
 * @see docs/ARCHITECTURE.md, "Congestion control"
 */

import { CruiseCycle } from './cruise-cycle.js';
import { DeliveryRates } from './delivery-rates.js';
import { LossCeiling } from './loss-ceiling.js';
import type { AckSummary } from './packet-ledger.js';
import { PathLoss } from './path-loss.js';
import { QueueDepth } from './queue-depth.js';
import { QueueYield } from './queue-yield.js';
import {
  fullQueueLimitUs,
  policyOf,
  queueLimitUs,
  type RateControllerOptions,
  type RatePolicy,
} from './rate-policy.js';
import { RoundTrips } from './round-trips.js';
import { ShareCap } from './share-cap.js';
import { STARTUP_GAIN, StartupWatch } from './startup-watch.js';

const DRAIN_GAIN = 0.75;
const MIN_RTT_WINDOW_US = 10_000_000;
const REFRESH_US = 150_000;
const WINDOW_GAIN = 2;
/** In start-up the rate is a guess: what answers late must not let a wrong one fill more than queues hold. */
const STARTUP_WINDOW_GAIN = 1.5;
/** Packets in flight that are always allowed, so that acks keep coming. */
const WINDOW_PACKETS_MIN = 16;
/** Packets of a round trip, queues included, that always leave: with fewer, nothing can be measured. */
const RATE_PACKETS_MIN = 8;
/**
 * Round trips are taken as they are up to this much above the shortest one. They grow without any
 * queue when a busy machine answers late; a window for the shortest one would then strangle the rate,
 * and the lower rate the window.
 */
const WINDOW_RTT_EXTRA_US = 200_000;
/** Start-up sends in trains of this many packets, which the receiver times. */
const TRAIN_PACKETS = 32;

/** The first round of a standing queue may be our own making; giving way to it shows. */
const STANDING_ROUNDS = 2;
const START_ROUNDS = 8;
/** Rounds that count of a start-up which ended with a queue. */
const QUEUED_ROUNDS = 2;
/** Share of a round's packets that must be lost beyond what the path loses, when no queue was seen. */
const UNQUEUED_EXCESS = 0.05;

/** The first round trip: four trains, and at least as long as acks may take. */
const FIRST_ROUND = { packets: 128, usMin: 10_000 };

type Mode = 'startup' | 'drain' | 'cruise' | 'refresh';
const MODE_GAIN = { startup: STARTUP_GAIN, drain: 0.6, refresh: 0.5 } as const;

export class RateController {
  readonly #policy: RatePolicy;
  #mode: Mode = 'startup';
  #packetBytes: number;
  #rateMax: number;
  #ownMax: number;
  #peerMax = Number.POSITIVE_INFINITY;
  readonly #trips: RoundTrips;
  readonly #rates = new DeliveryRates();
  readonly #loss = new PathLoss();
  readonly #depth = new QueueDepth();
  readonly #yield: QueueYield;
  readonly #share: ShareCap;
  readonly #startup: StartupWatch;
  readonly #cycle: CruiseCycle;
  #modeStart: number;
  #initialRate: number;
  readonly #round = { resolved: 0, lost: 0 };
  /** Rounds in a row through which a queue stood; that of start-up has some to drain. */
  #stood = -START_ROUNDS;
  /** What came through a queue that is given way to: no more than that may drain it; Infinity without one. */
  #queuedRate = Number.POSITIVE_INFINITY;
  /** The cap that others in the queue have set, as of the last ack. */
  #shareRate = Number.POSITIVE_INFINITY;
  readonly #lossCeiling: LossCeiling;

  constructor(options: RateControllerOptions) {
    this.#policy = policyOf(options);
    this.#cycle = new CruiseCycle(this.#policy.probeGain, options.now);
    this.#lossCeiling = new LossCeiling(this.#policy.fixedLossMax);
    this.#yield = new QueueYield(this.#policy.yieldRounds);
    this.#share = new ShareCap(this.#policy.share);
    this.#packetBytes = options.packetBytes;
    this.#rateMax = options.rateMax;
    this.#ownMax = options.rateMax;
    this.#trips = new RoundTrips(options.rttUs, options.now);
    this.#modeStart = options.now;
    const { packets, usMin } = FIRST_ROUND;
    this.#initialRate = (packets * options.packetBytes) / Math.max(options.rttUs, usMin);
    this.#startup = new StartupWatch(this.#policy.yieldsShare ? 0 : options.rateHint);
  }

  get mode(): Mode {
    return this.#mode;
  }
  get smoothedRttUs(): number {
    return this.#trips.smoothed;
  }
  get minRttUs(): number {
    return this.#trips.shortest;
  }
  /** Highest recent delivery rate, bytes per microsecond; 0 before the first sample. */
  get bandwidth(): number {
    return this.#rates.highest;
  }
  /** Estimated share of packets that the path loses by itself, 0 to 0.5. */
  get ownLoss(): number {
    return this.#loss.share;
  }
  /** Longest burst that the queues of the path take, microseconds. */
  get burstUs(): number {
    return Math.min(this.#policy.lateBurstUs, this.#depth.burstUs);
  }
  /** Whether packets sent now build no queue, as far as is known. */
  get calm(): boolean {
    // Start-up overshoots before it can know, so its losses say nothing about the path.
    if (this.#mode === 'startup') return false;
    return this.gain <= 1 && this.#trips.smoothed <= this.#queueLimit();
  }

  /** Factor on the measured rate in the present phase. */
  get gain(): number {
    if (this.#mode !== 'cruise') return MODE_GAIN[this.#mode];
    if (this.#cycle.isProbing) return 1 + this.#cycle.excess;
    if (this.#cycle.isDraining) return this.#drainGain;
    return this.#yield.yielding ? this.#policy.yieldGain : 1;
  }

  /** A probe that the ceiling cut short has made less of a queue, so less has to drain. */
  get #drainGain(): number {
    const ceiling = (this.#rateMax * (1 - this.ownLoss)) / this.bandwidth;
    const probed = Math.max(1, Math.min(1 + this.#cycle.excess, ceiling));
    return Math.max(DRAIN_GAIN, 2 - probed);
  }

  /** Bytes per microsecond to send at now, never above the ceiling. */
  get pacingRate(): number {
    if (this.#holdsCeiling) return this.#rateMax;
    if (this.#mode === 'startup') {
      return Math.min(this.#startup.rate(this.bandwidth, this.#initialRate), this.#rateMax);
    }
    const measured = Math.min(this.bandwidth, this.#queuedRate) * this.gain;
    const rate = Math.min(measured, this.#shareRate) / (1 - (this.#overfills ? 0 : this.ownLoss));
    const floor = (RATE_PACKETS_MIN * this.#packetBytes) / Math.max(this.#trips.smoothed, 1000);
    return Math.min(Math.max(rate, floor), this.#rateMax);
  }

  /** Whether losses may be those of a queue of ours: making up for them would add to it. */
  get #overfills(): boolean {
    if (Number.isFinite(this.#queuedRate) || this.#stood >= STANDING_ROUNDS) return true;
    return this.#loss.settled === null && this.#trips.smoothed > this.#queueLimit();
  }

  /** A fixed flow sends at its ceiling as long as the path bears it. */
  get #holdsCeiling(): boolean {
    const { fixedLossMax } = this.#policy;
    return fixedLossMax > 0 && !this.#lossCeiling.exceeded && Number.isFinite(this.#rateMax);
  }

  /** Most that may be sent, bytes per microsecond; Infinity for no limit. */
  get ceiling(): number {
    return this.#rateMax;
  }

  /** Whether the ceiling, not the path, sets the rate. */
  get limitedByCeiling(): boolean {
    return this.pacingRate >= this.#rateMax;
  }

  /** Bytes that may be in flight. */
  get window(): number {
    const guessed = this.#mode === 'startup' || this.#holdsCeiling;
    const rate = guessed ? this.pacingRate : this.bandwidth / (1 - this.ownLoss);
    const product = Math.max(rate, 0) * this.#windowRtt();
    // Acks come in bunches of up to 8 ms; the window must span them on short paths.
    const bunches = this.#mode === 'refresh' ? 0 : Math.max(rate, this.#initialRate) * 16_000;
    return Math.max(product * this.#windowGain + bunches, WINDOW_PACKETS_MIN * this.#packetBytes);
  }

  get #isGuessing(): boolean {
    return this.#mode === 'startup' && !this.#holdsCeiling;
  }
  get #windowGain(): number {
    if (this.#mode === 'refresh') return 0.5;
    return this.#isGuessing ? STARTUP_WINDOW_GAIN : WINDOW_GAIN;
  }

  /** Packets that should leave back to back; 0 for even spacing. */
  get trainPackets(): number {
    // What the path could carry is not what others leave of it.
    return this.#mode === 'startup' && !this.#policy.yieldsShare ? TRAIN_PACKETS : 0;
  }

  /** The receiver has timed a train. @param rate Bytes per microsecond. */
  noteTrain(rate: number): void {
    if (this.#mode === 'startup') this.#startup.noteTrain(rate);
  }

  #windowRtt(): number {
    if (this.#mode === 'refresh') return this.#trips.shortest;
    if (this.#isGuessing) return Math.max(this.#trips.shortest, 1000);
    const longest = this.#trips.shortest + WINDOW_RTT_EXTRA_US;
    return Math.max(Math.min(this.#trips.smoothed, longest), this.#trips.shortest, 1000);
  }

  /** Our own ceiling, bytes per microsecond. */
  setCeiling(rateMax: number): void {
    this.#ownMax = rateMax;
    this.#rateMax = Math.min(rateMax, this.#peerMax);
  }

  /** What the receiver wants to get at most, bytes per microsecond. */
  setPeerCeiling(rateMax: number): void {
    this.#peerMax = rateMax;
    this.#rateMax = Math.min(rateMax, this.#ownMax);
  }

  setPacketBytes(bytes: number): void {
    this.#packetBytes = bytes;
  }

  onAck(summary: AckSummary, state: { now: number; bytesInFlight: number }): void {
    const { now } = state;
    if (summary.rttUs > 0) this.#noteRtt(summary.rttUs, now);
    this.#noteLoss(summary);
    this.#rates.note(summary);
    if (summary.roundEnded) this.#endRound(now);
    this.#shareRate = this.#share.at(now);
    this.#advance(summary, state);
  }

  /** Nothing came back for several round trips: the model of the path is stale. */
  onTimeout(now: number): void {
    // Before the first measurement there is no model; start-up goes on with its first guess.
    if (this.bandwidth === 0) return;
    this.#setMode('cruise', now);
    this.#cycle.restart(now);
  }

  #noteRtt(rttUs: number, now: number): void {
    this.#trips.note(rttUs, now);
    if (this.#mode !== 'startup') return;
    const { yieldsShare } = this.#policy;
    this.#startup.noteRtt(
      rttUs,
      yieldsShare ? this.#queueLimit() : this.#trips.shortest * 1.2 + 6000,
    );
  }

  #noteLoss(summary: AckSummary): void {
    this.#loss.add(summary.calmResolved, summary.calmLost);
    this.#round.resolved += summary.ackedPackets + summary.lostPackets;
    this.#round.lost += summary.lostPackets;
  }

  #endRound(now: number): void {
    if (this.#mode === 'startup') this.#startup.endRound(this.bandwidth, this.#round);
    const before = this.bandwidth;
    const arrived = Math.min(before, this.#rates.present);
    if (this.#mode === 'cruise') this.#checkCollapse();
    this.#lossCeiling.endRound(this.#round);
    this.#rates.endRound();
    this.#chooseShare(now, { before, arrived });
    this.#loss.endRound();
    this.#trips.endRound();
    this.#round.resolved = 0;
    this.#round.lost = 0;
  }

  /** What this round says about others on the path: a queue that stands, or one that was full. */
  #chooseShare(now: number, rates: { before: number; arrived: number }): void {
    if (this.#mode !== 'cruise' || this.#trips.roundShortest === Infinity) return;
    // The first round trip still answers for what was sent before.
    if (this.#modeStart > now - this.#trips.roundLongest) return;
    const standing = this.#trips.roundShortest > this.#queueLimit();
    // The queue may be our own, made by a rate that was never there: only what came since counts.
    if (this.#yield.endRound(standing)) this.#rates.keep(this.#policy.yieldRounds);
    const given = this.#yield.rounds;
    // One round alone may be short because a busy machine was late.
    this.#queuedRate = given > 0 ? this.#rates.highestOfLast(given + 1) : Number.POSITIVE_INFINITY;
    this.#stood = standing ? this.#stood + 1 : 0;
    const excess = this.#loss.excess(this.#round.resolved, this.#round.lost);
    const isQueued = this.#trips.roundLongest > fullQueueLimitUs(this.#trips.shortest);
    const full = excess > (isQueued ? 0 : this.#round.resolved * UNQUEUED_EXCESS);
    if (!full && !(this.#policy.yieldsShare && this.#stood >= STANDING_ROUNDS)) return;
    if (full && isQueued) this.#depth.noteFull(this.#trips.roundLongest - this.#trips.shortest);
    // What a path loses while it collapses says nothing of others on it.
    if (this.#loss.paused) return;
    if (this.#share.isFirm(now)) {
      this.#cycle.restore();
      return;
    }
    // A full queue was emptied as fast as the path can; an outage, or a changed address, says nothing.
    const shown = isQueued && rates.arrived > 0 ? rates.arrived : rates.before;
    const rate = Math.min(shown, this.#shareRate);
    // The next probe asks for less: the queue may be too short for so much.
    if (full) this.#cycle.halve();
    const trips = { rttUs: this.#trips.shortest, queuedRttUs: this.#trips.roundLongest };
    this.#share.cut({ rate, now, ...trips, packetBytes: this.#packetBytes });
  }

  /**
   * Much more is lost than the path loses by itself, and much less arrives than before: the path
   * has become slower. What was measured before it did so is forgotten at once.
   */
  #checkCollapse(): void {
    // The round itself is no witness of what the path loses.
    const share = this.#loss.settled ?? this.#startup.loss;
    const excess = this.#round.lost - this.#round.resolved * (2 * share + 0.1);
    const rate = this.#rates.present;
    if (excess <= 16 || rate === 0 || rate > this.bandwidth * 0.8) return;
    this.#rates.collapse();
    this.#cycle.drain();
    this.#loss.collapsed();
  }

  #advance(summary: AckSummary, state: { now: number; bytesInFlight: number }): void {
    const { now } = state;
    const age = now - this.#modeStart;
    switch (this.#mode) {
      case 'startup':
        if (this.#startup.isDone(this.#round)) this.#setMode('drain', now);
        break;
      case 'drain': {
        const target = this.bandwidth * this.#trips.shortest;
        if (state.bytesInFlight <= target || age > 3 * this.#trips.smoothed)
          this.#leaveStartup(now);
        break;
      }
      case 'refresh':
        if (age > REFRESH_US + this.#trips.shortest) {
          this.#trips.renew(now);
          this.#enterCruise(now);
        }
        break;
      case 'cruise':
        this.#advanceCruise(summary, now);
        break;
    }
  }

  #advanceCruise(summary: AckSummary, now: number): void {
    if (now - this.#trips.shortestAt > MIN_RTT_WINDOW_US && summary.ackedPackets > 0) {
      this.#setMode('refresh', now);
      this.#trips.seek();
      return;
    }
    this.#cycle.advance({
      ...{ now, minRttUs: this.#trips.shortest, bandwidth: this.bandwidth, depth: this.#depth },
      isQueued: this.#trips.smoothed > this.#queueLimit(),
    });
  }

  /**
   * What came through a queue is what the path carries, whatever was measured before it. Where trains have
   * bounded start-up and no queue has been seen, there may be room: a probe comes first.
   */
  #leaveStartup(now: number): void {
    if (this.#trips.smoothed > this.#queueLimit()) this.#rates.keep(QUEUED_ROUNDS);
    this.#enterCruise(now);
    if (this.#startup.leavesRoom) this.#cycle.probe(this.bandwidth);
  }

  #enterCruise(now: number): void {
    this.#setMode('cruise', now);
    this.#cycle.restart(now);
    this.#yield.reset();
    this.#queuedRate = Number.POSITIVE_INFINITY;
  }

  #setMode(mode: Mode, now: number): void {
    this.#mode = mode;
    this.#modeStart = now;
  }

  #queueLimit(): number {
    return queueLimitUs(this.#policy, this.#trips.shortest);
  }
}
