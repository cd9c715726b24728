/**
 * A reliable, ordered byte stream inside a flow, one each way: offers, file lists, verdicts. Bytes
 * travel in stream frames; lost ranges are sent again; the receiver grants a limit.
 */

/** Bytes that may lie unread or out of order at the receiver. */
export const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;

interface Range {
  start: number;
  end: number;
}

/** Sending half. Offsets count from the start of the flow. */
export class StreamSender {
  /** Unacknowledged bytes, as pieces in order; `#base` is the offset of the first. */
  readonly #pieces: Uint8Array[] = [];
  #base = 0;
  #written = 0;
  #sent = 0;
  #limit = STREAM_WINDOW_BYTES;
  readonly #lost: Range[] = [];
  /** Acknowledged ranges above `#base`, sorted and merged. */
  readonly #acked: Range[] = [];

  /** Bytes written and not yet sent; the writer should hold back when this grows. */
  get backlogBytes(): number {
    return this.#written - this.#sent;
  }

  get idle(): boolean {
    return this.#base === this.#written;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#written += bytes.length;
  }

  raiseLimit(limit: number): void {
    if (limit > this.#limit && limit <= this.#sent + 2 * STREAM_WINDOW_BYTES) this.#limit = limit;
  }

  /** Whether what `nextRange` yields was sent before. */
  get repeats(): boolean {
    return this.#lost.length > 0;
  }

  /** Whether `nextRange` would yield something. */
  get ready(): boolean {
    return this.#lost.length > 0 || (this.#sent < this.#written && this.#sent < this.#limit);
  }

  /** Takes the next range to send, at most `bytesMax` long; null when there is none. */
  nextRange(bytesMax: number): Range | null {
    const lost = this.#lost[0];
    if (lost !== undefined) {
      const range = { start: lost.start, end: Math.min(lost.end, lost.start + bytesMax) };
      lost.start = range.end;
      if (lost.start >= lost.end) this.#lost.shift();
      return range;
    }
    const end = Math.min(this.#written, this.#limit, this.#sent + bytesMax);
    if (end <= this.#sent) return null;
    const range = { start: this.#sent, end };
    this.#sent = end;
    return range;
  }

  /** Copies a range that is not yet acknowledged. */
  copy(range: Range, target: Uint8Array, at: number): void {
    let pieceStart = this.#base;
    for (const piece of this.#pieces) {
      const pieceEnd = pieceStart + piece.length;
      if (pieceEnd > range.start && pieceStart < range.end) {
        const from = Math.max(range.start, pieceStart);
        const to = Math.min(range.end, pieceEnd);
        target.set(piece.subarray(from - pieceStart, to - pieceStart), at + from - range.start);
      }
      if (pieceEnd >= range.end) return;
      pieceStart = pieceEnd;
    }
  }

  acked(start: number, end: number): void {
    // A range may have been sent more than once, and so be acknowledged again.
    if (end <= this.#base) return;
    mergeRange(this.#acked, { start: Math.max(start, this.#base), end });
    const first = this.#acked[0];
    if (first === undefined || first.start > this.#base) return;
    this.#dropUntil(first.end);
  }

  /** Queues what a lost packet carried, less what is acknowledged. */
  lost(start: number, end: number): void {
    let from = Math.max(start, this.#base);
    for (const range of this.#acked) {
      if (range.end <= from) continue;
      if (range.start >= end) break;
      if (range.start > from) this.#lost.push({ start: from, end: range.start });
      from = Math.max(from, range.end);
    }
    if (from < end) this.#lost.push({ start: from, end });
  }

  #dropUntil(offset: number): void {
    while (this.#pieces.length > 0) {
      const first = this.#pieces[0] as Uint8Array;
      if (this.#base + first.length <= offset) {
        this.#base += first.length;
        this.#pieces.shift();
      } else {
        const cut = offset - this.#base;
        if (cut > 0) this.#pieces[0] = first.subarray(cut);
        this.#base = offset;
        break;
      }
    }
    while (this.#acked.length > 0 && (this.#acked[0] as Range).end <= this.#base) {
      this.#acked.shift();
    }
    for (let i = this.#lost.length - 1; i >= 0; i -= 1) {
      const range = this.#lost[i] as Range;
      if (range.start < this.#base) range.start = this.#base;
      if (range.start >= range.end) this.#lost.splice(i, 1);
    }
  }
}

/** Receiving half: puts ranges in order and grants more as they are consumed. */
export class StreamReceiver {
  readonly #segments = new Map<number, Uint8Array>();
  readonly #known: Range[] = [];
  #consumed = 0;

  /** Limit to grant to the peer. */
  get limit(): number {
    return this.#consumed + STREAM_WINDOW_BYTES;
  }

  get consumed(): number {
    return this.#consumed;
  }

  /**
   * Takes a frame's bytes (copied) and hands out what is now in order.
   *
   * @returns False when the peer has exceeded its limit.
   */
  receive(start: number, bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): boolean {
    const end = start + bytes.length;
    if (end > this.limit) return false;
    if (end <= this.#consumed || bytes.length === 0) return true;
    if (start === this.#consumed && this.#known.length === 0) {
      this.#consumed = end;
      deliver(bytes.slice());
      return true;
    }
    const held = this.#segments.get(start);
    if (held === undefined || held.length < bytes.length) this.#segments.set(start, bytes.slice());
    mergeRange(this.#known, { start, end });
    this.#deliverReady(deliver);
    return true;
  }

  #deliverReady(deliver: (bytes: Uint8Array) => void): void {
    const first = this.#known[0];
    if (first === undefined || first.start > this.#consumed) return;
    const starts = [...this.#segments.keys()].filter((at) => at < first.end).sort((a, b) => a - b);
    for (const at of starts) {
      const segment = this.#segments.get(at) as Uint8Array;
      this.#segments.delete(at);
      const skip = this.#consumed - at;
      if (skip >= segment.length) continue;
      const fresh = skip > 0 ? segment.subarray(skip) : segment;
      this.#consumed += fresh.length;
      deliver(fresh);
    }
    this.#known.shift();
  }
}

/** Adds a range to a sorted list of disjoint ranges, joining what touches. */
const mergeRange = (ranges: Range[], added: Range): void => {
  let at = 0;
  while (at < ranges.length && (ranges[at] as Range).end < added.start) at += 1;
  let { start, end } = added;
  let remove = 0;
  while (at + remove < ranges.length && (ranges[at + remove] as Range).start <= end) {
    const touched = ranges[at + remove] as Range;
    start = Math.min(start, touched.start);
    end = Math.max(end, touched.end);
    remove += 1;
  }
  ranges.splice(at, remove, { start, end });
};
