/**
 * What a flow allows itself after it has met others in a full queue. Like the window of a CUBIC TCP
 * flow, its rate is cut once, comes back to the old one along a cubic curve of time, rests there, and
 * then rises faster and faster until it meets the others again or the cap says nothing any more. Slow
 * flows come back sooner than fast ones, which is what makes shares even; and the rest at the old rate
 * is what lets a TCP flow beside it grow.
 *
 * @see RFC 9438, section 4
 */

/** A cap this far above the old rate says nothing any more. */
const RELEASE = 1.25;
/** Cuts in a row that bring no relief, after which the others are known not to answer. */
const VAIN_CUTS_MAX = 6;
/** A cut has brought relief when nothing is heard of the others for this long. */
const RELIEF_US = 1_500_000;
/** How long there are no cuts when they bring none. */
const FIRM_US = 10_000_000;

/** Steepness of TCP's curve, packets per second cubed. */
const CURVE = 0.4;
/** Longest way back to the old rate: TCP's takes eighteen seconds at 1 Gbit/s and 200 ms, which nobody has use for. */
const RECOVER_SECONDS_MAX = 8;

export interface ShareCapOptions {
  /** Seconds until the old rate is reached again, slowly at first; 0 to come back as TCP does. */
  readonly patience: number;
  /** Factor of a cut. */
  readonly cutTo: number;
  /** Whether to do without cuts for a while when they bring no relief. */
  readonly standsFirm: boolean;
}

/** What a cut starts from. */
export interface Crowding {
  /** What was delivered until now, bytes per microsecond. */
  readonly rate: number;
  readonly now: number;
  readonly rttUs: number;
  /** The longest round trip seen now, with the queue in it. */
  readonly queuedRttUs: number;
  readonly packetBytes: number;
}

export class ShareCap {
  readonly #options: ShareCapOptions;
  /** The old rate, and packets of a round trip at that rate. */
  #most = Number.POSITIVE_INFINITY;
  #window = 0;
  #rttUs = 0;
  #recoverSeconds = 0;
  #curve = CURVE;
  #cutAt = 0;
  #vain = 0;
  #firmUntil = 0;

  constructor(options: ShareCapOptions) {
    this.#options = options;
  }

  /** Bytes per microsecond; Infinity without a cap. */
  at(now: number): number {
    if (this.#most === Number.POSITIVE_INFINITY) return this.#most;
    const window = this.#windowAfter((now - this.#cutAt) / 1e6);
    if (window > this.#window * RELEASE + 2) this.#most = Number.POSITIVE_INFINITY;
    return (this.#most * window) / this.#window;
  }

  #windowAfter(seconds: number): number {
    const { cutTo, patience } = this.#options;
    if (patience > 0) return this.#window * (cutTo + (1 - cutTo) * (seconds / patience) ** 2);
    const cubic = this.#window + this.#curve * (seconds - this.#recoverSeconds) ** 3;
    // Where round trips are short or windows small, the growth of older TCP is the faster one.
    const linear = (3 * (1 - cutTo)) / (1 + cutTo) / this.#rttUs;
    return Math.max(cubic, this.#window * cutTo + linear * seconds * 1e6);
  }

  /** Whether others who do not answer to cuts are met without them. */
  isFirm(now: number): boolean {
    return now < this.#firmUntil;
  }

  /** Others are there. Signs within two round trips of the last cut still belong to it. */
  cut({ rate, now, rttUs, queuedRttUs, packetBytes }: Crowding): void {
    if (this.isFirm(now)) return;
    const { cutTo, standsFirm } = this.#options;
    const since = now - this.#cutAt;
    if (this.#cutAt > 0 && since < 2 * queuedRttUs) return;
    const vain = this.#cutAt > 0 && since < Math.max(RELIEF_US, 4 * queuedRttUs);
    this.#vain = vain ? this.#vain + 1 : 0;
    if (standsFirm && this.#vain >= VAIN_CUTS_MAX) {
      this.#most = Number.POSITIVE_INFINITY;
      this.#firmUntil = now + FIRM_US;
      return;
    }
    // Less than last time: someone else is growing, and gets room sooner.
    const less = this.#most !== Number.POSITIVE_INFINITY && rate < this.#most;
    this.#most = less ? (rate * (1 + cutTo)) / 2 : rate;
    this.#window = Math.max(1, (this.#most * rttUs) / packetBytes);
    this.#rttUs = Math.max(1, rttUs);
    const given = this.#window * (1 - cutTo);
    this.#curve = Math.max(CURVE, given / RECOVER_SECONDS_MAX ** 3);
    this.#recoverSeconds = Math.cbrt(given / this.#curve);
    this.#cutAt = now;
  }
}
