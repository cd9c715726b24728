/**
 * The messages of a flow over its reliable stream: both halves, the cutting into messages, and the
 * memory of which stream bytes each packet in flight carries.
 */
import { type Message, MessageReader } from './messages.js';
import { StreamReceiver, StreamSender } from './reliable-stream.js';

/** Packets that one `repeat` queues at most. */
const REPEAT_RANGES_MAX = 8;
/**
 * What is unanswered so soon after the last of it left leaves a second time: an offer or a verdict that is
 * lost costs its transfer a round trip and more.
 */
const ECHO_US = 25_000;

/** Stream bytes `start` to `end` of one packet. */
export interface StreamRange {
  readonly start: number;
  readonly end: number;
}

/** What became of received stream bytes. */
export type StreamArrival =
  | { readonly messages: readonly Message[] }
  | { readonly violation: string };

export class MessageStream {
  readonly #out = new StreamSender();
  readonly #in = new StreamReceiver();
  readonly #reader = new MessageReader();
  /** Ranges of packets in flight, by ledger `ref`. */
  readonly #ranges: ((StreamRange & { readonly serial: number }) | null)[] = [];
  readonly #free: number[] = [];
  #serial = 0;
  #echoAt = Infinity;

  /** Bytes waiting to be sent for the first time. */
  get backlogBytes(): number {
    return this.#out.backlogBytes;
  }
  /** Whether there is something to send now. */
  get ready(): boolean {
    return this.#out.ready;
  }
  /** When `echo` has something to do. */
  get echoAt(): number {
    return this.#echoAt;
  }
  /** Offset up to which the peer may send. */
  get receiveLimit(): number {
    return this.#in.limit;
  }

  write(message: Uint8Array): void {
    this.#out.write(message);
  }

  raiseSendLimit(limit: number): void {
    this.#out.raiseLimit(limit);
  }

  /**
   * Copies the next range to send to `target` at `place.at`.
   *
   * @returns The range and its ledger reference; null when there is nothing to send.
   */
  take(
    bytesMax: number,
    target: Uint8Array,
    place: { readonly at: number; readonly now: number },
  ): { range: StreamRange; ref: number; serial: number } | null {
    const isFresh = !this.#out.repeats;
    const range = this.#out.nextRange(bytesMax);
    if (range === null) return null;
    this.#out.copy(range, target, place.at);
    if (isFresh) this.#echoAt = place.now + ECHO_US;
    const ref = this.#free.pop() ?? this.#ranges.push(null) - 1;
    this.#serial = (this.#serial + 1) & 0x7fff_ffff;
    this.#ranges[ref] = { ...range, serial: this.#serial };
    return { range, ref, serial: this.#serial };
  }

  /** The packet behind a ledger reference has arrived. */
  acked(ref: number, serial: number): void {
    const range = this.#release(ref, serial);
    if (range !== null) this.#out.acked(range.start, range.end);
  }

  /** It is lost: its bytes are queued again. */
  lost(ref: number, serial: number): void {
    const range = this.#release(ref, serial);
    if (range !== null) this.#out.lost(range.start, range.end);
  }

  /** Repeats the end of what was written, once and soon, if packets may be lost at all. */
  echo(now: number, isLossy: boolean): void {
    if (now < this.#echoAt) return;
    this.#echoAt = Infinity;
    if (isLossy && !this.#out.ready) this.#queue(this.#unanswered().slice(-REPEAT_RANGES_MAX));
  }

  /** Queues what the peer needs first of what is in flight once more, because nothing comes back. */
  repeat(): void {
    this.#queue(this.#unanswered().slice(0, REPEAT_RANGES_MAX));
  }

  /** Ranges in flight in their order; what has left more than once, once. */
  #unanswered(): StreamRange[] {
    const ranges: StreamRange[] = this.#ranges.filter((range) => range !== null);
    ranges.sort((a, b) => a.start - b.start || b.end - a.end);
    return ranges.filter(({ start }, index) => start !== ranges[index - 1]?.start);
  }

  #queue(ranges: readonly StreamRange[]): void {
    for (const { start, end } of ranges) this.#out.lost(start, end);
  }

  /** Takes received stream bytes; they are copied. */
  receive(start: number, bytes: Uint8Array): StreamArrival {
    const messages: Message[] = [];
    let valid = true;
    const within = this.#in.receive(start, bytes, (piece) => {
      const complete = this.#reader.push(piece);
      if (complete === null) valid = false;
      else messages.push(...complete);
    });
    if (!within) return { violation: 'the stream exceeds its limit' };
    return valid ? { messages } : { violation: 'a message is too large' };
  }

  #release(ref: number, serial: number): StreamRange | null {
    const range = this.#ranges[ref];
    if (range == null || range.serial !== serial) return null;
    this.#ranges[ref] = null;
    this.#free.push(ref);
    return range;
  }
}
