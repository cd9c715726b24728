/**
 * One transfer being received over one flow: asks the domain whether it may, hands chunks to the
 * disk, makes checkpoints, and tells the sender what is durable. When the flow breaks it keeps what
 * it has; the sender's next offer of the same transfer goes on from there.
 */
import type { ErrorCode } from '@jetstream/contract';
import { type ChunkInbox, type Flow, MESSAGE, type Message } from '@jetstream/transport';
import {
  CHUNK_BYTES,
  type ChunkRange,
  StorageError,
  type Target,
  type TargetResult,
} from '../../storage/storage.js';
import type { PeerFacts, ReceiveDecision, ReceiveOutcome, ReceiveProgress } from '../data-plane.js';
import { ChunkGatherer, type WholeChunk } from './chunk-gatherer.js';
import { IncomingList } from './incoming-list.js';
import { cancelBody, jsonMessage, type OfferBody, parseBody } from './peer-messages.js';
import { nowUs, receivedReceipt } from './receipts.js';
import { targetOptionsOf } from './target-options.js';
import type { WorkerContext } from './worker-context.js';

export interface ReceiveJobOptions {
  readonly context: WorkerContext;
  readonly flow: Flow;
  readonly inbox: ChunkInbox;
  readonly channel: number;
  readonly offer: OfferBody;
  readonly peer: PeerFacts;
  /** Chunks that the transfer may have open now. */
  openMax(): number;
  ended(outcome: ReceiveOutcome | null): void;
}

const DURABLE_RANGES_PER_MESSAGE = 20_000;
const FILE_ERRORS_TOLD = 100;

export class ReceiveJob {
  readonly #options: ReceiveJobOptions;
  #target: Target | null = null;
  /** Resolves when the disk has answered the request to open, either way. */
  #opening: Promise<void> = Promise.resolve();
  #accepted = false;
  #ended = false;
  readonly #list: IncomingList;
  #trailersEnded = false;
  #pendingBlocks = 0;
  #blocks: Promise<void> = Promise.resolve();
  /** Chunks that arrived before the part of the file list that they belong to. */
  #waiting: WholeChunk[] = [];
  readonly #gatherer: ChunkGatherer;
  #writing = 0;
  #dirty = false;
  #checkpointing = false;
  #finishing = false;
  /** Resolves when the receipt is written, or was given up. */
  #completing: Promise<void> = Promise.resolve();
  readonly #startTime = nowUs();
  #cancelTimer: (() => void) | null = null;
  #bytesReceived = 0;
  #bytesDurable = 0;
  #settled: () => void = () => undefined;
  /** Resolves when the disk has let go of the transfer. */
  readonly settled: Promise<void>;

  constructor(options: ReceiveJobOptions) {
    this.#options = options;
    const { offer, channel, inbox, flow, context } = options;
    this.#list = new IncomingList({
      offer,
      extended: (bytes, isOpen) => {
        inbox.extend(channel, bytes, isOpen);
        flow.creditChanged(context.now());
      },
    });
    this.#gatherer = new ChunkGatherer({
      write: (chunk) => void this.#write(chunk),
      isLast: () => inbox.isWhole(channel),
      after: (ms, run) => context.after(ms, run),
    });
    this.settled = new Promise((resolve) => {
      this.#settled = resolve;
    });
  }

  get transferId(): string {
    return this.#options.offer.transferId;
  }
  get channel(): number {
    return this.#options.channel;
  }
  get peer(): PeerFacts {
    return this.#options.peer;
  }
  get receiving(): boolean {
    return this.#accepted && !this.#ended;
  }
  get ended(): boolean {
    return this.#ended;
  }

  progress(): ReceiveProgress {
    return {
      filesTotal: this.#list.known.files,
      bytesTotal: this.#list.known.bytes,
      bytesReceived: this.#bytesReceived,
      bytesDurable: this.#bytesDurable,
      packetsReceived: this.#options.flow.totals.packetsReceived,
    };
  }

  /** The domain has decided. */
  async start(decision: ReceiveDecision): Promise<void> {
    if (this.#ended) return;
    if (!decision.accepted) {
      this.#tell(MESSAGE.refuse, { code: decision.code, message: decision.message });
      this.#end(null);
      return;
    }
    const { offer, channel, inbox } = this.#options;
    try {
      let target = await this.#open(decision);
      const isBad = (target.state.complete?.fileErrors.length ?? 0) > 0;
      if (isBad && offer.startsAnew && !this.#ended) {
        await target.discard();
        if (this.#ended) return;
        target = await this.#open(decision);
      }
      if (this.#ended) return;
      const { durable: held, listedBytes } = target.state;
      this.#list.opened(target.state);
      if (target.state.complete !== null) {
        this.#completing = this.#complete(target, target.state.complete);
        await this.#completing;
        return;
      }
      if (offer.withdraws) {
        await this.#withdraw();
        return;
      }
      const { totals } = this.#list;
      inbox.openChannel(channel, totals?.bytes ?? { known: listedBytes }, held);
      this.#noteDurable(held, false);
      this.#accepted = true;
      const durable = held.map((range) => [range.first, range.end]);
      const chunkLimit = inbox.grant(channel, this.#options.openMax());
      this.#tell(MESSAGE.accept, { durable, chunkLimit });
      this.#armCheckpoint();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Throws away what is here; the sender hears of it when it is gone. */
  async #withdraw(): Promise<void> {
    const message = 'The sender ended the transfer: it was cancelled';
    const reason = { code: 'cancelled', message } as const;
    this.#end({ kind: 'failed', ...reason, discarded: true });
    await this.settled;
    this.#tell(MESSAGE.failed, reason);
  }

  #open(decision: Extract<ReceiveDecision, { accepted: true }>): Promise<Target> {
    const { storage, options } = this.#options.context;
    const opening = storage.openTarget(
      targetOptionsOf(this.#options, decision, options.journalDir),
    );
    this.#opening = opening.then(
      (target) => {
        this.#target = target;
      },
      () => undefined,
    );
    return opening;
  }

  receive(message: Message): void {
    if (this.#ended) return;
    switch (message.type) {
      case MESSAGE.entries:
        this.#block((target) => this.#list.add(target, message.body));
        break;
      case MESSAGE.trailers:
        this.#block((target) => target.addTrailers(message.body));
        break;
      case MESSAGE.entriesEnd:
        this.#block((target) => this.#list.end(target, message.body));
        break;
      case MESSAGE.trailersEnd:
        this.#block(async () => {
          this.#trailersEnded = true;
        });
        break;
      case MESSAGE.cancel: {
        const body = parseBody(cancelBody, message.body);
        if (body === null) break;
        if (body.pauses) {
          this.interrupt(`The sender has suspended the transfer: ${body.message}`);
          break;
        }
        const outcome = {
          kind: 'failed',
          code: 'cancelled',
          message: `The sender ended the transfer: ${body.message}`,
          discarded: body.discard,
        } as const;
        this.#end(outcome);
        break;
      }
      default:
        break;
    }
  }

  /** A whole chunk lies in the arena. */
  chunkReceived(chunk: number, place: { offset: number; contentBytes: number }): void {
    if (this.#ended || this.#target === null) {
      this.#options.inbox.settle(this.channel, chunk, { offset: place.offset, written: false });
      return;
    }
    this.#bytesReceived += place.contentBytes;
    if (chunk * CHUNK_BYTES + place.contentBytes > this.#list.bytes) {
      this.#waiting.push({ chunk, ...place });
    } else {
      this.#gatherer.add({ chunk, ...place });
    }
  }

  /** Ends this side for a reason of our own and tells the sender. */
  refuse(reason: { code: ErrorCode; message: string }): void {
    // By now the channel may be another transfer's.
    if (this.#ended) return;
    this.#tell(MESSAGE.failed, reason);
    this.#end({ kind: 'failed', ...reason });
  }

  /** The flow is gone, or another one has taken over. What is here is kept. */
  interrupt(message: string): void {
    this.#end({ kind: 'interrupted', message });
  }

  #block(run: (target: Target) => Promise<void>): void {
    this.#pendingBlocks += 1;
    this.#blocks = this.#blocks.then(async () => {
      try {
        if (!this.#ended && this.#target !== null) await run(this.#target);
      } catch (error) {
        this.#fail(error);
      }
      this.#pendingBlocks -= 1;
      this.#releaseWaiting();
      this.#finishIfDone();
    });
  }

  #releaseWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const item of waiting) {
      this.#bytesReceived -= item.contentBytes;
      this.chunkReceived(item.chunk, item);
    }
  }

  async #write({ chunk, offset, contentBytes }: WholeChunk): Promise<void> {
    const { inbox, flow, context } = this.#options;
    this.#writing += 1;
    let written = false;
    try {
      const target = this.#target as Target;
      const outcome = await target.writeChunk(chunk, offset, contentBytes);
      written = outcome === 'written';
      this.#dirty ||= written;
      if (!written) this.#tell(MESSAGE.chunkBad, { chunk });
    } catch (error) {
      this.#fail(error);
    }
    this.#writing -= 1;
    inbox.settle(this.channel, chunk, { offset, written });
    flow.creditChanged(context.now());
    this.#finishIfDone();
  }

  #armCheckpoint(): void {
    const { context, offer } = this.#options;
    if (this.#ended || offer.checkpointSeconds === null) return;
    this.#cancelTimer = context.after(offer.checkpointSeconds * 1000, () => {
      void this.#checkpoint().finally(() => this.#armCheckpoint());
    });
  }

  async #checkpoint(): Promise<void> {
    if (!this.#dirty || this.#checkpointing || this.#finishing || this.#ended) return;
    this.#checkpointing = true;
    this.#dirty = false;
    try {
      this.#noteDurable(await (this.#target as Target).checkpoint(), true);
    } catch (error) {
      this.#fail(error);
    }
    this.#checkpointing = false;
    this.#finishIfDone();
  }

  #noteDurable(ranges: readonly ChunkRange[], tell: boolean): void {
    for (const range of ranges) {
      const end = Math.min(range.end * CHUNK_BYTES, this.#list.totals?.bytes ?? Infinity);
      this.#bytesDurable += end - range.first * CHUNK_BYTES;
    }
    for (let at = 0; tell && at < ranges.length; at += DURABLE_RANGES_PER_MESSAGE) {
      const part = ranges.slice(at, at + DURABLE_RANGES_PER_MESSAGE);
      this.#tell(MESSAGE.durable, { ranges: part.map((range) => [range.first, range.end]) });
    }
  }

  #finishIfDone(): void {
    const everything =
      this.#list.hasEnded && this.#trailersEnded && this.#options.inbox.isComplete(this.channel);
    if (!everything || this.#writing > 0 || this.#pendingBlocks > 0) return;
    if (this.#finishing || this.#checkpointing || this.#ended) return;
    this.#finishing = true;
    this.#completing = this.#finish();
  }

  async #finish(): Promise<void> {
    try {
      const target = this.#target as Target;
      await this.#complete(target, await target.finish());
    } catch (error) {
      this.#fail(error);
    }
  }

  async #complete(target: Target, result: TargetResult): Promise<void> {
    const { context, offer, peer } = this.#options;
    const totals = this.#list.known;
    const facts = { offer, totals, peer, startTime: this.#startTime, result };
    const { path, seal } = await receivedReceipt(context.options, target, facts);
    if (this.#ended) return;
    const { bytes, files } = totals;
    const fileErrors = result.fileErrors.slice(0, FILE_ERRORS_TOLD);
    this.#bytesDurable = bytes;
    this.#tell(MESSAGE.complete, {
      ...{ files, bytes, fileErrors },
      fileErrorCount: result.fileErrors.length,
      verified: result.verified,
      receipt: { sha256: seal.sha256, signature: seal.signature },
    });
    this.#end({ kind: 'complete', fileErrors, receiptPath: path, bytes, files });
  }

  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof StorageError ? error.code : 'internal';
    if (code === 'file_failed' && !this.#ended) {
      // The end that was asked for: nobody goes on with what is here.
      this.#tell(MESSAGE.failed, { code, message });
      this.#end({ kind: 'failed', code, message, discarded: true });
      return;
    }
    // Files still held by an earlier attempt are let go in a moment: worth another try.
    this.refuse({ code: code === 'conflict' ? 'flow_failed' : code, message });
  }

  #tell(type: number, body: object): void {
    this.#options.flow.send(jsonMessage(type, this.channel, body));
    this.#options.context.wake();
  }

  #end(outcome: ReceiveOutcome | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimer?.();
    const { inbox, channel } = this.#options;
    for (const item of [...this.#waiting, ...this.#gatherer.takeAll()]) {
      inbox.settle(channel, item.chunk, { offset: item.offset, written: false });
    }
    this.#waiting = [];
    inbox.closeChannel(channel);
    const discards = outcome?.kind === 'failed' && outcome.discarded === true;
    void this.#letGo(discards).finally(this.#settled);
    this.#options.ended(outcome);
  }

  async #letGo(discard: boolean): Promise<void> {
    await this.#opening;
    await this.#blocks;
    await this.#completing.catch(() => undefined);
    if (this.#target === null) return;
    if (discard) await this.#target.discard();
    else await this.#target.suspend();
  }
}
