/**
 * Measures packet trains: packets that were sent back to back arrive spaced by the slowest link on
 * the way, so a train tells the capacity of the path long before the sender has reached it.
 *
 * @see RFC 5136, section 3
 */

/** A longer gap means that the train was torn. */
const GAP_MAX_US = 2500;
/**
 * Shorter trains say nothing. Packets read together at first do not count, so a late reader can only make
 * a train look slow.
 */
const TRAIN_MIN_US = 250;
const TRAIN_PACKETS_MIN = 12;

/** When a packet came in, and its place among those sent. */
export interface TrainArrival {
  readonly now: number;
  readonly packetNumber: number;
  /** It was sent right behind the packet before. */
  readonly continued: boolean;
}

export class TrainMeter {
  #startedAt = 0;
  #lastAt = -Infinity;
  /** Bytes and packets after the first arrival time of the train, lost ones not counted. */
  #bytes = 0;
  #packets = 0;
  /** Highest packet numbers of the first arrival time and of all. */
  #firstNumber = 0;
  #lastNumber = 0;
  #bestPackets = 0;
  #bestRate = 0;

  /**
   * Notes an arrival; packets read together share one time.
   *
   * @param arrival `continued` says that the packet was sent right behind the one before.
   */
  add(bytes: number, arrival: TrainArrival): void {
    const { now, packetNumber } = arrival;
    if (!arrival.continued || now - this.#lastAt > GAP_MAX_US) {
      this.#endTrain();
      this.#restart(now, packetNumber);
    } else if (now > this.#startedAt) {
      this.#bytes += bytes;
      this.#packets += 1;
    } else {
      this.#firstNumber = Math.max(this.#firstNumber, packetNumber);
    }
    this.#lastNumber = packetNumber;
    this.#lastAt = now;
  }

  /**
   * Rate of the longest train since the last call, bytes per microsecond; 0 for none. What was measured
   * is not measured again: a train still under way goes on as another.
   */
  take(): number {
    if (this.#endTrain()) this.#restart(this.#lastAt, this.#lastNumber);
    const rate = this.#bestRate;
    this.#bestRate = 0;
    this.#bestPackets = 0;
    return rate;
  }

  #restart(now: number, packetNumber: number): void {
    this.#startedAt = now;
    this.#bytes = 0;
    this.#packets = 0;
    this.#firstNumber = packetNumber;
  }

  /** @returns Whether the train could be measured. */
  #endTrain(): boolean {
    const elapsed = this.#lastAt - this.#startedAt;
    if (elapsed < TRAIN_MIN_US || this.#packets < TRAIN_PACKETS_MIN) return false;
    if (this.#packets <= this.#bestPackets) return true;
    this.#bestPackets = this.#packets;
    // Lost packets have taken their time on the slowest link as well.
    const spaced = Math.max(this.#packets, this.#lastNumber - this.#firstNumber);
    this.#bestRate = (this.#bytes / this.#packets) * (spaced / elapsed);
    return true;
  }
}
