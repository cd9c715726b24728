/**
 * Sending side of acknowledgement: what every packet in flight carried, so that an ack or its
 * absence can be turned into news for the owner of the content. A ring of typed arrays, indexed by
 * packet number; nothing is allocated per packet.
 *
 * A packet is lost when one sent clearly later (`reorderUs` and three numbers) has been
 * acknowledged. Should it arrive after all, the loss was spurious and `reorderUs` widens.
 */

/** Packets that may be unresolved at once. */
export const LEDGER_PACKETS = 1 << 17;
const MASK = LEDGER_PACKETS - 1;
const REORDER_PACKETS = 3;

const STATE = { none: 0, inFlight: 1, acked: 2, lost: 3 } as const;

/** What a packet carried: the owner's meaning of `ref`, `serial` and `index`. */
export interface PacketContent {
  kind: number;
  ref: number;
  serial: number;
  index: number;
}

/** Turns `content` into one without serial and index. */
export const setContent = (content: PacketContent, kind: number, ref: number): void => {
  content.kind = kind;
  content.ref = ref;
  content.serial = 0;
  content.index = 0;
};

/** Told about each packet once it is resolved. */
export interface LedgerEvents {
  /** `late` when it had been reported lost before. */
  acked(content: PacketContent, late: boolean): void;
  lost(content: PacketContent): void;
}

/** Sums over the packets that one ack has resolved, for the congestion controller. */
export interface AckSummary {
  ackedBytes: number;
  ackedPackets: number;
  lostBytes: number;
  lostPackets: number;
  /** Of packets marked as sent without pressure; see `record`. */
  calmResolved: number;
  calmLost: number;
  /** Microseconds; 0 when the newest packet was acknowledged before. */
  rttUs: number;
  /** Delivered bytes per microsecond over the newest packet's flight; 0 without a sample. */
  deliveryRate: number;
  deliveryAppLimited: boolean;
  /** Whether a packet sent after the last round's end was acknowledged. */
  roundEnded: boolean;
  spurious: number;
}

const newSummary = (): AckSummary => ({
  ackedBytes: 0,
  ackedPackets: 0,
  lostBytes: 0,
  lostPackets: 0,
  calmResolved: 0,
  calmLost: 0,
  rttUs: 0,
  deliveryRate: 0,
  deliveryAppLimited: false,
  roundEnded: false,
  spurious: 0,
});

export class PacketLedger {
  readonly #events: LedgerEvents;
  readonly #content: PacketContent = { kind: 0, ref: 0, serial: 0, index: 0 };
  readonly #state = new Uint8Array(LEDGER_PACKETS);
  readonly #kind = new Uint8Array(LEDGER_PACKETS);
  readonly #flags = new Uint8Array(LEDGER_PACKETS);
  readonly #ref = new Int32Array(LEDGER_PACKETS);
  readonly #serial = new Int32Array(LEDGER_PACKETS);
  readonly #index = new Int32Array(LEDGER_PACKETS);
  readonly #bytes = new Int32Array(LEDGER_PACKETS);
  readonly #sentAt = new Float64Array(LEDGER_PACKETS);
  /** Bytes delivered, and when, at the moment of sending: the base of the rate sample. */
  readonly #delivered = new Float64Array(LEDGER_PACKETS);
  readonly #deliveredAt = new Float64Array(LEDGER_PACKETS);
  readonly #firstSentAt = new Float64Array(LEDGER_PACKETS);

  #next = 0;
  #floor = 0;
  #lossCursor = 0;
  #largestAcked = -1;
  #bytesInFlight = 0;
  #packetsInFlight = 0;
  #deliveredBytes = 0;
  #deliveredTime = 0;
  #firstSent = 0;
  #roundEnd = 0;
  #appLimitedUntil = -1;
  /** Tolerated reordering in microseconds; adapts. */
  #reorderUs = 1000;

  constructor(events: LedgerEvents) {
    this.#events = events;
  }

  /** Number of the next packet. */
  get next(): number {
    return this.#next;
  }
  /** Lowest packet number that is not resolved. */
  get floor(): number {
    return this.#floor;
  }
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }
  get packetsInFlight(): number {
    return this.#packetsInFlight;
  }
  get largestAcked(): number {
    return this.#largestAcked;
  }
  get full(): boolean {
    return this.#next - this.#floor >= LEDGER_PACKETS;
  }
  /** When the oldest packet in flight was sent; Infinity when none is. */
  get oldestSentAt(): number {
    return this.#floor < this.#next ? (this.#sentAt[this.#floor & MASK] as number) : Infinity;
  }

  /** Takes a number for a packet that nobody waits for (acks, state). */
  takeUnrecorded(): number {
    const number = this.#next;
    this.#state[number & MASK] = STATE.none;
    this.#next += 1;
    if (this.#floor === number) this.#floor = this.#next;
    return number;
  }

  /**
   * Records a packet that is about to be sent and returns its number.
   *
   * @param calm Whether it is sent without building a queue: its loss is the path's own.
   */
  record(content: PacketContent, sent: { bytes: number; now: number; calm: boolean }): number {
    const number = this.#next;
    const slot = number & MASK;
    if (this.#packetsInFlight === 0) {
      this.#firstSent = sent.now;
      this.#deliveredTime = sent.now;
    }
    this.#state[slot] = STATE.inFlight;
    this.#kind[slot] = content.kind;
    this.#flags[slot] = sent.calm ? 1 : 0;
    this.#ref[slot] = content.ref;
    this.#serial[slot] = content.serial;
    this.#index[slot] = content.index;
    this.#bytes[slot] = sent.bytes;
    this.#sentAt[slot] = sent.now;
    this.#delivered[slot] = this.#deliveredBytes;
    this.#deliveredAt[slot] = this.#deliveredTime;
    this.#firstSentAt[slot] = this.#firstSent;
    this.#bytesInFlight += sent.bytes;
    this.#packetsInFlight += 1;
    this.#next += 1;
    return number;
  }

  /** Marks that the sender ran out of content, so that rate samples until now are lower bounds. */
  markAppLimited(): void {
    this.#appLimitedUntil = this.#next;
  }

  /**
   * Applies an acknowledgement: bit i (lowest first) of the bitmap stands for packet `top - i`.
   *
   * @returns null when it speaks of packets never sent: the peer is broken or hostile.
   */
  acknowledge(
    top: number,
    bitmap: { bytes: Uint8Array; start: number; end: number; delayUs: number },
    now: number,
  ): AckSummary | null {
    if (top >= this.#next) return null;
    const summary = newSummary();
    const before = this.#largestAcked;
    // A packet number whose ring entry has been reused says nothing.
    const lowest = Math.max(0, this.#next - LEDGER_PACKETS);
    let newest = -1;
    for (let at = bitmap.start; at < bitmap.end; at += 1) {
      const byte = bitmap.bytes[at] as number;
      if (byte === 0) continue;
      const first = top - (at - bitmap.start) * 8;
      if (first < lowest) break;
      for (let i = 0; i < 8; i += 1) {
        if ((byte & (1 << i)) === 0) continue;
        const number = first - i;
        if (number < lowest) break;
        if (this.#resolveAcked(number, now, summary) && number > newest) newest = number;
      }
    }
    if (newest > before) {
      this.#largestAcked = newest;
      this.#sampleRate(newest, { delayUs: bitmap.delayUs, now }, summary);
    }
    this.#raiseFloor();
    return summary;
  }

  /**
   * Declares overdue packets lost; call after `acknowledge`, with the same summary.
   *
   * @param patienceUs Least time that a later packet must have been sent after one for it to be lost.
   */
  detectLost(rttUs: number, summary: AckSummary, patienceUs = 0): void {
    if (this.#largestAcked < 0) return;
    if (summary.spurious > 0) {
      this.#reorderUs = Math.min(Math.max(this.#reorderUs * 2, 2000), Math.max(rttUs, 20_000));
    }
    const newestSent = this.#sentAt[this.#largestAcked & MASK] as number;
    const limit = newestSent - Math.max(this.#reorderUs, rttUs / 16, patienceUs);
    const end = this.#largestAcked - REORDER_PACKETS;
    let cursor = Math.max(this.#lossCursor, this.#floor);
    while (cursor <= end) {
      const slot = cursor & MASK;
      const state = this.#state[slot];
      if (state === STATE.inFlight) {
        if ((this.#sentAt[slot] as number) > limit) break;
        this.#resolveLost(cursor, summary);
      }
      cursor += 1;
    }
    this.#lossCursor = cursor;
    this.#raiseFloor();
  }

  /** Declares everything in flight lost: nothing has come back for too long. */
  loseAll(): number {
    const summary = newSummary();
    for (let number = this.#floor; number < this.#next; number += 1) {
      if (this.#state[number & MASK] === STATE.inFlight) this.#resolveLost(number, summary);
    }
    this.#raiseFloor();
    return summary.lostPackets;
  }

  #resolveAcked(number: number, now: number, summary: AckSummary): boolean {
    const slot = number & MASK;
    const state = this.#state[slot];
    if (state !== STATE.inFlight && state !== STATE.lost) return false;
    const bytes = this.#bytes[slot] as number;
    this.#state[slot] = STATE.acked;
    this.#deliveredBytes += bytes;
    this.#deliveredTime = now;
    summary.ackedBytes += bytes;
    summary.ackedPackets += 1;
    const late = state === STATE.lost;
    if (late) {
      summary.spurious += 1;
      if (this.#flags[slot] === 1) summary.calmLost -= 1;
    } else {
      this.#bytesInFlight -= bytes;
      this.#packetsInFlight -= 1;
      if (this.#flags[slot] === 1) summary.calmResolved += 1;
    }
    this.#events.acked(this.#read(slot), late);
    return true;
  }

  #resolveLost(number: number, summary: AckSummary): void {
    const slot = number & MASK;
    const bytes = this.#bytes[slot] as number;
    this.#state[slot] = STATE.lost;
    this.#bytesInFlight -= bytes;
    this.#packetsInFlight -= 1;
    summary.lostBytes += bytes;
    summary.lostPackets += 1;
    if (this.#flags[slot] === 1) {
      summary.calmResolved += 1;
      summary.calmLost += 1;
    }
    this.#events.lost(this.#read(slot));
  }

  #sampleRate(newest: number, ack: { delayUs: number; now: number }, summary: AckSummary): void {
    const slot = newest & MASK;
    const sentAt = this.#sentAt[slot] as number;
    summary.rttUs = Math.max(1, ack.now - sentAt - ack.delayUs);
    if (newest >= this.#roundEnd) {
      summary.roundEnded = true;
      this.#roundEnd = this.#next;
    }
    // The slower of sending and acknowledging bounds the rate, so that bursts of acks don't
    // inflate it.
    const sendElapsed = sentAt - (this.#firstSentAt[slot] as number);
    const ackElapsed = ack.now - (this.#deliveredAt[slot] as number);
    const elapsed = Math.max(sendElapsed, ackElapsed);
    if (elapsed > 0) {
      summary.deliveryRate = (this.#deliveredBytes - (this.#delivered[slot] as number)) / elapsed;
    }
    summary.deliveryAppLimited = newest < this.#appLimitedUntil;
    this.#firstSent = sentAt;
  }

  #raiseFloor(): void {
    while (this.#floor < this.#next && this.#state[this.#floor & MASK] !== STATE.inFlight) {
      this.#floor += 1;
    }
  }

  #read(slot: number): PacketContent {
    const content = this.#content;
    content.kind = this.#kind[slot] as number;
    content.ref = this.#ref[slot] as number;
    content.serial = this.#serial[slot] as number;
    content.index = this.#index[slot] as number;
    return content;
  }
}
