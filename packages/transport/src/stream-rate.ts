/**
 * The rate of a flow over reliable streams. TCP beneath controls congestion, so this holds nothing
 * back but what ceilings ask for; how much is under way follows from what the streams take.
 */
import type { AckSummary } from './packet-ledger.js';
import type { RateController } from './rate-controller.js';

/** What a flow needs of whatever controls its rate. */
export type RateControl = Pick<
  RateController,
  | 'bandwidth'
  | 'burstUs'
  | 'calm'
  | 'ceiling'
  | 'limitedByCeiling'
  | 'minRttUs'
  | 'mode'
  | 'noteTrain'
  | 'onAck'
  | 'onTimeout'
  | 'ownLoss'
  | 'pacingRate'
  | 'setCeiling'
  | 'setPacketBytes'
  | 'setPeerCeiling'
  | 'smoothedRttUs'
  | 'trainPackets'
  | 'window'
>;

/** Stands for "as fast as the streams take it", bytes per microsecond. */
const UNPACED_RATE = 1_000_000;
/** A ceiling counts as what limits the rate from this share of it on. */
const CEILING_SHARE = 0.85;
/** Weight of the past when a lower delivery rate is measured. */
const RATE_DECAY = 0.9;

export class StreamRate implements RateControl {
  readonly mode = 'cruise';
  readonly burstUs = 20_000;
  readonly calm = false;
  readonly ownLoss = 0;
  readonly trainPackets = 0;
  readonly window = Number.POSITIVE_INFINITY;
  #ownMax: number;
  #peerMax = Number.POSITIVE_INFINITY;
  #smoothedRtt: number;
  #minRtt: number;
  #rttKnown = false;
  #bandwidth = 0;

  /** @param rateMax Our own ceiling, bytes per microsecond; Infinity for none. */
  constructor(options: { readonly rttUs: number; readonly rateMax: number }) {
    this.#ownMax = options.rateMax;
    this.#smoothedRtt = options.rttUs;
    this.#minRtt = options.rttUs;
  }

  get ceiling(): number {
    return Math.min(this.#ownMax, this.#peerMax);
  }
  get pacingRate(): number {
    return Math.min(this.ceiling, UNPACED_RATE);
  }
  get limitedByCeiling(): boolean {
    if (!Number.isFinite(this.ceiling)) return false;
    return this.#bandwidth === 0 || this.#bandwidth >= this.ceiling * CEILING_SHARE;
  }
  /** Includes the time that packets wait in buffers on the way. */
  get smoothedRttUs(): number {
    return this.#smoothedRtt;
  }
  get minRttUs(): number {
    return this.#minRtt;
  }
  get bandwidth(): number {
    return this.#bandwidth;
  }

  setCeiling(rateMax: number): void {
    this.#ownMax = rateMax;
  }
  setPeerCeiling(rateMax: number): void {
    this.#peerMax = rateMax;
  }

  onAck(summary: AckSummary): void {
    if (summary.rttUs > 0) {
      this.#minRtt = this.#rttKnown ? Math.min(this.#minRtt, summary.rttUs) : summary.rttUs;
      this.#smoothedRtt += (summary.rttUs - this.#smoothedRtt) / (this.#rttKnown ? 8 : 1);
      this.#rttKnown = true;
    }
    const rate = summary.deliveryRate;
    if (rate > this.#bandwidth) this.#bandwidth = rate;
    else if (summary.roundEnded && rate > 0 && !summary.deliveryAppLimited) {
      this.#bandwidth = this.#bandwidth * RATE_DECAY + rate * (1 - RATE_DECAY);
    }
  }

  // What follows is about packets and their loss: there is nothing to do.
  noteTrain(): void {}
  onTimeout(): void {}
  setPacketBytes(): void {}
}
