/**
 * One transfer being sent: feeds its flow with the file list, chunks and file records, and follows
 * what the receiver says. It survives its flow: attached to a new one it offers the transfer again
 * and goes on with what the receiver lacks. The file list may still be growing: then only whole chunks
 * of what was announced are sent, until the list ends.
 */
import { join } from 'node:path';
import { CommandError, ERRORS, type ErrorCode, TRANSFER_FLAG_READ } from '@jetstream/contract';
import {
  type ChunkSent,
  encodeMessage,
  type Flow,
  MESSAGE,
  type Message,
} from '@jetstream/transport';
import { ChunkSet } from '../../storage/chunk-set.js';
import {
  CHUNK_BYTES,
  CHUNKS_AT_ONCE,
  DIGEST_BYTES,
  type ListTotals,
  type Source,
} from '../../storage/storage.js';
import type { SendOrder, SendProgress, StopAftermath } from '../data-plane.js';
import { commandErrorOf } from './command-error-of.js';
import { ListFeed } from './list-feed.js';
import {
  acceptBody,
  type CompleteBody,
  chunkBadBody,
  completeBody,
  durableBody,
  failureBody,
  jsonBody,
  jsonMessage,
  offerOf,
  parseBody,
} from './peer-messages.js';
import { nowUs } from './receipts.js';
import type { SendJobEnd, SendJobEvents } from './send-job-end.js';
import { SendMeter } from './send-meter.js';
import type { WorkerContext } from './worker-context.js';

/** Chunks that are read or wait unsent, so that the disk stays ahead of the network. */
const READ_AHEAD_CHUNKS = 16;
const WITHDRAWN = 'The transfer was cancelled';

export class SendJob {
  /** Rates, priority and token may change while it runs. */
  order: SendOrder;
  readonly #context: WorkerContext;
  #events: SendJobEvents;
  readonly #durable = new ChunkSet();
  /** What the whole list holds; null while that is not known. */
  #totals: ListTotals | null = null;
  /** Whether the receiver was told the totals with the offer. */
  #knewTotals = false;
  #source: Source | null = null;
  /** One for all attempts: two would write the same digests. */
  #opening: Promise<Source> | null = null;
  #lists: ListFeed | null = null;
  #flow: Flow | null = null;
  #channel = 0;
  /** Rises with each attach, so that answers to an earlier one are recognised. */
  #attempt = 0;
  #accepted = false;
  #cursor = 0;
  #limit = 0;
  #reading = 0;
  #ended = false;
  readonly #startTime = nowUs();
  readonly #meter = new SendMeter();

  constructor(context: WorkerContext, order: SendOrder, events: SendJobEvents) {
    this.#context = context;
    this.order = order;
    this.#events = events;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether everything has been read and handed to the flow. */
  get drained(): boolean {
    return this.#accepted && this.#reading === 0 && this.#cursor >= this.#chunks;
  }

  /** Whether it waits for the receiver to grant more. */
  get awaitsCredit(): boolean {
    return this.#accepted && this.#isListed(this.#cursor) && this.#cursor >= this.#limit;
  }

  get awaitsDisk(): boolean {
    return this.#reading > 0 || (this.#totals === null && this.#lists?.awaitsEntries === true);
  }

  /** Has the job report to another link. */
  reportTo(events: SendJobEvents): void {
    this.#events = events;
  }

  /** Offers the transfer over a flow. */
  attach(flow: Flow, channel: number): void {
    this.detach();
    this.#attempt += 1;
    this.#flow = flow;
    this.#channel = channel;
    this.#meter.joined(flow);
    const { totalFiles: files, totalBytes: bytes } = this.order;
    this.#knewTotals = files !== null && bytes !== null;
    if (files !== null && bytes !== null) this.#totals = { files, bytes };
    flow.send(jsonMessage(MESSAGE.offer, channel, offerOf(this.order)));
    if (this.#withdraws) return;
    if ((this.order.totalBytes ?? CHUNK_BYTES) >= CHUNK_BYTES) flow.scoutAhead(this.#context.now());
    this.#context.wake();
  }

  /** Leaves the flow; arena slots come back as reads and packets let go of them. */
  detach(): void {
    if (this.#flow === null) return;
    this.#meter.left();
    for (const offset of this.#flow.outbox.dropChannel(this.#channel)) {
      this.#context.sendSlots.release(offset);
    }
    this.#flow = null;
    this.#accepted = false;
    this.#limit = 0;
    this.#cursor = 0;
    this.#lists?.close();
    this.#lists = null;
  }

  receive(message: Message): void {
    switch (message.type) {
      case MESSAGE.accept:
        this.#onAccept(message.body);
        break;
      case MESSAGE.durable: {
        const body = parseBody(durableBody, message.body);
        for (const [first, end] of body?.ranges ?? []) {
          this.#durable.addRange({ first, end: Math.min(end, this.#chunks) });
        }
        break;
      }
      case MESSAGE.chunkBad: {
        const body = parseBody(chunkBadBody, message.body);
        if (body !== null && body.chunk < this.#chunks) this.#sendAgain(body.chunk);
        break;
      }
      case MESSAGE.complete: {
        const body = parseBody(completeBody, message.body);
        if (body !== null) void this.#complete(body);
        break;
      }
      case MESSAGE.refuse:
      case MESSAGE.failed: {
        const body = parseBody(failureBody, message.body);
        if (body !== null) this.fail(new CommandError(body.code, body.message));
        break;
      }
      default:
        break;
    }
  }

  credit(chunkLimit: number): void {
    if (chunkLimit > this.#limit) this.#limit = chunkLimit;
  }

  chunkAcked(offset: number, sent: ChunkSent): void {
    this.#context.sendSlots.release(offset);
    this.#meter.chunkAcked(sent);
  }

  /** Chunks that are being read. */
  get reading(): number {
    return this.#reading;
  }

  /**
   * Reads ahead as far as credit, slots and the read-ahead limit allow.
   *
   * @param before Chunks that are being read for jobs that go before this one on the same flow.
   */
  pump(before: number): void {
    if (!this.#accepted || this.#ended) return;
    this.#lists?.pump();
    this.#pumpChunks(READ_AHEAD_CHUNKS - before);
  }

  /** Ends the job for good on this side's wish and tells the receiver. */
  stopWith(code: ErrorCode, message: string, aftermath: StopAftermath): void {
    const body = { discard: aftermath === 'discard', pauses: aftermath === 'pause', message };
    this.#flow?.send(jsonMessage(MESSAGE.cancel, this.#channel, body));
    this.#end({ kind: 'failed', error: new CommandError(code, message) });
  }

  /** Ends the job with an error; those worth another attempt count as interruptions. */
  fail(error: CommandError): void {
    const again = ERRORS[error.code].retry !== 'never';
    this.#end({ kind: again ? 'interrupted' : 'failed', error });
  }

  progress(): Omit<SendProgress, 'bottleneck'> {
    const bytesTotal = this.#totals?.bytes ?? this.#lists?.sentBytes ?? 0;
    const rtt = this.#flow?.rate.smoothedRttUs ?? null;
    return {
      filesTotal: this.#totals?.files ?? this.#lists?.sentFiles ?? 0,
      bytesTotal,
      ...this.#meter.measures(this.#context.now()),
      bytesDurable: Math.min(this.#totalBytes, this.#durable.size * CHUNK_BYTES),
      roundTripTimeMs: rtt === null ? null : rtt / 1000,
    };
  }

  #onAccept(body: Uint8Array): void {
    const accepted = parseBody(acceptBody, body);
    if (accepted === null || this.#accepted) return;
    if (this.#withdraws) {
      // Nothing is sent of what was cancelled, whatever the receiver has understood.
      this.stopWith('cancelled', WITHDRAWN, 'discard');
      return;
    }
    this.credit(accepted.chunkLimit);
    void this.#start(accepted.durable, this.#attempt);
  }

  async #start(durable: readonly (readonly [number, number])[], attempt: number): Promise<void> {
    let source: Source;
    try {
      source = await this.#opened();
    } catch (error) {
      this.#failWith(error);
      return;
    }
    if (attempt !== this.#attempt || this.#ended) return;
    const ranges = durable.map(([first, end]) => ({ first, end: Math.min(end, this.#chunks) }));
    for (const range of ranges) this.#durable.addRange(range);
    source.skip(ranges);
    this.#lists = this.#openLists(source);
    this.#accepted = true;
    this.#events.started();
    this.#context.wake();
  }

  #opened(): Promise<Source> {
    this.#opening ??= this.#openSource();
    return this.#opening;
  }

  async #openSource(): Promise<Source> {
    const { transferId, manifestListPath: listPath, totalFiles, totalBytes } = this.order;
    const digestsPath = join(this.#context.options.receiptDir, `${transferId}.digests`);
    const reads = (this.order.transferFlags & TRANSFER_FLAG_READ) !== 0;
    const order = { transferId, digestsPath, listPath, totalFiles, totalBytes, reads };
    this.#source = await this.#context.storage.openSource(order);
    return this.#source;
  }

  #openLists(source: Source): ListFeed {
    return new ListFeed(source, {
      send: (type, body) => this.#sendBlock(type, body),
      backlogBytes: () => this.#flow?.messageBacklogBytes ?? 0,
      entriesEnded: (totals) => this.#entriesEnded(totals),
      advanced: () => this.#context.wake(),
      failed: (error) => this.#failWith(error),
    });
  }

  /** @returns What the receiver is told of the end; null when it was told before. */
  #entriesEnded({ files, bytes }: ListTotals): Uint8Array | null {
    this.#totals = { files, bytes };
    if (this.#knewTotals) return null;
    return jsonBody({ totalFiles: files, totalBytes: bytes });
  }

  get #totalBytes(): number {
    return this.#totals?.bytes ?? Number.POSITIVE_INFINITY;
  }

  get #chunks(): number {
    return Math.ceil(this.#totalBytes / CHUNK_BYTES);
  }

  /** Whether the receiver knows of all files in a chunk. */
  #isListed(chunk: number): boolean {
    const end = Math.min((chunk + 1) * CHUNK_BYTES, this.#totalBytes);
    return chunk < this.#chunks && end <= (this.#lists?.sentBytes ?? 0);
  }

  #pumpChunks(aheadMax: number): void {
    const ahead = this.#reading + (this.#flow?.outbox.freshCount ?? 0);
    if (this.#flow === null || ahead > Math.max(0, aheadMax - CHUNKS_AT_ONCE)) return;
    for (let room = aheadMax - ahead; room > 0; room -= 1) {
      this.#cursor = this.#durable.firstMissing(this.#cursor);
      const chunk = this.#cursor;
      if (chunk >= this.#limit || !this.#isListed(chunk)) return;
      const offset = this.#context.sendSlots.acquire();
      if (offset < 0) return;
      this.#cursor += 1;
      void this.#readChunk(chunk, offset);
    }
  }

  async #readChunk(chunk: number, offset: number): Promise<void> {
    const attempt = this.#attempt;
    this.#reading += 1;
    try {
      const bytes = await (this.#source as Source).readChunk(chunk, offset);
      this.#reading -= 1;
      if (this.#flow === null || attempt !== this.#attempt || this.#ended) {
        this.#context.sendSlots.release(offset);
        return;
      }
      const wireBytes = bytes + DIGEST_BYTES;
      this.#flow.outbox.add({ channel: this.#channel, chunk, offset, wireBytes });
      this.#context.wake();
    } catch (error) {
      this.#reading -= 1;
      this.#context.sendSlots.release(offset);
      this.#failWith(error);
    }
  }

  /** The receiver found the chunk damaged. It is read anew and sent as another generation. */
  #sendAgain(chunk: number): void {
    const offset = this.#context.sendSlots.acquire();
    if (offset < 0) {
      this.#context.after(50, () => {
        if (!this.#ended && this.#accepted) this.#sendAgain(chunk);
      });
      return;
    }
    this.#flow?.outbox.nextGeneration();
    void this.#readChunk(chunk, offset);
  }

  get #withdraws(): boolean {
    return this.order.withdraws === true;
  }

  async #complete(summary: CompleteBody): Promise<void> {
    if (this.#withdraws) {
      this.fail(new CommandError('cancelled', WITHDRAWN));
      return;
    }
    const totals = this.#totals ?? (await this.#totalsOfList());
    if (totals === null) return;
    this.#totals = totals;
    this.#durable.addRange({ first: 0, end: this.#chunks });
    this.#end({
      kind: 'complete',
      summary,
      errors: summary.fileErrors,
      totals,
      startTime: this.#startTime,
      source: () => this.#opened(),
    });
  }

  /** Of a list that has ended meanwhile, when the receiver was told of that by an earlier attempt. */
  async #totalsOfList(): Promise<ListTotals | null> {
    try {
      const source = await this.#opened();
      const totals = await source.totals();
      if (totals !== null) return totals;
      const early = 'Cannot be complete: the file list has not come to its end';
      this.fail(new CommandError('peer_refused', early));
    } catch (error) {
      this.#failWith(error);
    }
    return null;
  }

  #failWith(error: unknown): void {
    this.fail(commandErrorOf(error));
  }

  #sendBlock(type: number, body: Uint8Array): void {
    this.#flow?.send(encodeMessage({ type, channel: this.#channel, body }));
  }

  #end(end: SendJobEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.detach();
    if (end.kind !== 'complete') {
      // One that is still being opened is closed then; one that could not be opened is none.
      this.#opening?.then((source) => source.close(end.kind === 'failed')).catch(() => undefined);
    }
    this.#events.ended(end);
    this.#context.wake();
  }
}
