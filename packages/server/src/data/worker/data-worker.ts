/**
 * A data worker: one thread that owns a UDP socket, runs the protocol of its flows, and has a disk
 * thread of its own. It blocks in the socket for at most a millisecond while flows are busy, so
 * that answers of the disk and orders of the main thread are never kept waiting longer.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import {
  ENDPOINT_SCRATCH_BYTES,
  Endpoint,
  PAYLOAD_BYTES_MAX,
  type PacketIO,
  type PeerAddress,
  SendGate,
} from '@jetstream/transport';
import { SLOT_BYTES, type Storage } from '../../storage/storage.js';
import type { PeerFacts, SendOrder } from '../data-plane.js';
import type { IncomingFlow } from './incoming-flow.js';
import { type AcceptedPeer, IncomingFlows } from './incoming-flows.js';
import { LinkTable } from './link-table.js';
import { OfferDesk } from './offer-desk.js';
import { tooManyFlows } from './outgoing-link.js';
import { RateMemory } from './rate-memory.js';
import { receiverSeal, sentReceipt } from './receipts.js';
import type { SendJob } from './send-job.js';
import type { SendJobEnd } from './send-job-end.js';
import { SlotPool } from './slot-pool.js';
import { StreamSide } from './stream-side.js';
import { createTlsChannels } from './tls-channel.js';
import { UdpMemory } from './udp-memory.js';
import { BANDWIDTH_TURN_MS, WorkerBandwidth } from './worker-bandwidth.js';
import type { WorkerContext } from './worker-context.js';
import { WorkerLoop } from './worker-loop.js';
import type { DataWorkerOptions, FromWorker, ToWorker } from './worker-messages.js';

type SendJobComplete = Extract<SendJobEnd, { kind: 'complete' }>;

const PROGRESS_MS = 250;

/** Scratch of the endpoints for UDP and for TCP. */
const SCRATCH_BYTES = 2 * ENDPOINT_SCRATCH_BYTES;

/** Arena bytes for a worker with this many slots each way. */
export const arenaBytes = (slots: number): number => SCRATCH_BYTES + 2 * slots * SLOT_BYTES;

/** Payload that fits 1,500-byte paths. */
const PAYLOAD_BYTES_1500 = 1424;

const isLoopback = (address: string): boolean =>
  address === '::1' || /^(::ffff:)?127\./.test(address);

/**
 * node:dgram cannot forbid fragmentation, so a large probe may arrive in pieces and mislead: beyond
 * loopback it stays within what fits 1,500 bytes.
 */
const payloadBytesMax =
  (io: PacketIO) =>
  (peer: PeerAddress): number =>
    io.kind === 'native' || isLoopback(peer.address) ? PAYLOAD_BYTES_MAX : PAYLOAD_BYTES_1500;

type LinkTotals = Parameters<WorkerBandwidth['turn']>[0];

export interface DataWorkerParts {
  readonly options: DataWorkerOptions;
  readonly io: PacketIO;
  readonly storage: Storage;
  readonly arena: Uint8Array;
  post(message: FromWorker): void;
}

const cookieMaker = (): ((peer: PeerAddress) => Uint8Array) => {
  const secret = randomBytes(32);
  return (peer) =>
    new Uint8Array(
      createHmac('sha256', secret).update(`${peer.address} ${peer.port}`).digest().subarray(0, 16),
    );
};

const after = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

export class DataWorker {
  readonly #parts: DataWorkerParts;
  readonly #context: WorkerContext;
  readonly #loop: WorkerLoop;
  readonly #streams: StreamSide | null;
  readonly #links: LinkTable;
  readonly #sending = new Map<string, SendJob>();
  readonly #offers: OfferDesk;
  readonly #bandwidth: WorkerBandwidth;
  readonly #incoming: IncomingFlows;
  /** Receipts that are being written. */
  readonly #receipts = new Set<Promise<void>>();
  /** Discovery ids that were given out and not yet used. */
  readonly #expected = new Set<string>();
  readonly #progressTimer: NodeJS.Timeout;
  readonly #bandwidthTimer: NodeJS.Timeout;
  #stopping = false;

  constructor(parts: DataWorkerParts) {
    this.#parts = parts;
    const { options, io, arena } = parts;
    const gate = new SendGate();
    this.#bandwidth = new WorkerBandwidth(gate, () => this.#incoming);
    this.#offers = new OfferDesk((message) => parts.post(message));
    const shared = {
      arena,
      keyEpochShift: options.keyEpochShift,
      minCipher: options.minCipher,
      openSecureChannel: createTlsChannels(options.identity),
      random: () => randomBytes(4).readUInt32BE(),
      cookieFor: cookieMaker(),
      gate,
      accept: (peer: AcceptedPeer) => this.#accept(peer),
    };
    const endpoint = new Endpoint({
      ...shared,
      io,
      scratchOffset: 0,
      payloadBytesMax: payloadBytesMax(io),
      discovered: (id, from) => this.#discovered(Buffer.from(id).toString('hex'), from),
      wake: () => this.#loop.wake(),
    });
    this.#streams = options.tcpFallback
      ? new StreamSide({
          endpoint: { ...shared, scratchOffset: ENDPOINT_SCRATCH_BYTES },
          identity: options.identity,
          turn: () => this.#links.tick(),
        })
      : null;
    this.#loop = new WorkerLoop({ io, endpoint, turn: () => this.#links.tick() });
    const slots = { slotBytes: SLOT_BYTES, count: options.slots };
    const start = SCRATCH_BYTES;
    this.#context = {
      options,
      endpoint,
      streams: this.#streams,
      udpMemory: new UdpMemory(),
      storage: parts.storage,
      arena,
      sendSlots: new SlotPool({ start, ...slots }),
      receiveSlots: new SlotPool({ start: start + options.slots * SLOT_BYTES, ...slots }),
      rates: new RateMemory(),
      now: () => this.#loop.now(),
      post: (message) => parts.post(message),
      wake: () => this.#wake(),
      after,
    };
    this.#incoming = new IncomingFlows({
      context: this.#context,
      decide: (offer) => this.#offers.ask(offer),
      rateMax: (flow) => this.#bandwidth.incomingShare(flow),
    });
    this.#links = new LinkTable(this.#context, {
      started: (job, peer, path) => {
        const started = { type: 'sendStarted', transferId: job.order.transferId, peer } as const;
        this.#context.post(path === null ? started : { ...started, path });
      },
      ended: (job, end, peer) => this.#sendEnded(job, end, peer),
      peerChanged: (peer, state) => this.#context.post({ type: 'peerChanged', peer, state }),
    });
    this.#progressTimer = setInterval(() => this.#publishProgress(), PROGRESS_MS);
    this.#bandwidthTimer = setInterval(() => {
      this.#bandwidth.turn(this.#linkTotals(), this.#loop.now());
    }, BANDWIDTH_TURN_MS);
    this.#loop.start();
  }

  handle(message: ToWorker): void {
    switch (message.type) {
      case 'send':
        this.#sending.set(message.order.transferId, this.#links.send(message.order, message.ip));
        break;
      case 'stopSend': {
        const { code, message: text, aftermath } = message.reason;
        this.#sending.get(message.transferId)?.stopWith(code, text, aftermath);
        break;
      }
      case 'updateSend': {
        const job = this.#sending.get(message.order.transferId);
        if (job !== undefined) this.#links.update(job, message.order);
        break;
      }
      case 'stopReceive':
        for (const job of this.#incoming.jobs) {
          if (job.transferId === message.transferId) job.refuse(message.reason);
        }
        break;
      case 'decision':
        this.#offers.answer(message.offerId, message.decision);
        break;
      case 'expectDiscovery':
        this.#expected.add(message.discoverId);
        break;
      case 'dropDiscovery':
        this.#expected.delete(message.discoverId);
        break;
      case 'sendDiscovery':
        this.#context.endpoint.sendDiscover(
          message.peer,
          new Uint8Array(Buffer.from(message.discoverId, 'hex')),
        );
        break;
      case 'stream':
        if (this.#streams === null) closeSync(message.stream.descriptor);
        else this.#streams.take(message.stream);
        break;
      case 'limits':
        this.#bandwidth.setLimits(message.limits);
        break;
      case 'stop':
        void this.#stop(message.drainMs);
        break;
    }
    this.#wake();
  }

  #wake(): void {
    this.#loop.wake();
    this.#streams?.wake();
  }

  /** What has passed over UDP and TCP together. */
  #linkTotals(): LinkTotals {
    const udp = this.#parts.io.stats();
    const tcp = this.#streams?.stats;
    return {
      bytesSent: udp.bytesSent + (tcp?.bytesSent ?? 0),
      bytesReceived: udp.bytesReceived + (tcp?.bytesReceived ?? 0),
    };
  }

  #sendEnded(job: SendJob, end: SendJobEnd, peer: PeerFacts | null): void {
    const { transferId } = job.order;
    this.#sending.delete(transferId);
    const { post } = this.#context;
    const progress = { ...job.progress(), bottleneck: null };
    post({ type: 'sendProgress', transferId, progress });
    if (end.kind === 'complete' && peer !== null) {
      const written = this.#sendComplete(job.order, end, peer);
      this.#receipts.add(written);
      void written.finally(() => this.#receipts.delete(written));
      return;
    }
    const kind = end.kind === 'interrupted' ? 'interrupted' : 'failed';
    const error = end.kind === 'complete' ? null : end.error;
    const code = error?.code ?? 'flow_failed';
    const message = error?.message ?? 'The peer is unknown';
    post({ type: 'sendEnded', transferId, outcome: { kind, code, message } });
  }

  /** The end is told when the receipt is durable; without one the attempt is made again. */
  async #sendComplete(order: SendOrder, end: SendJobComplete, peer: PeerFacts): Promise<void> {
    const { post, options } = this.#context;
    const { transferId } = order;
    try {
      const source = await end.source();
      const { totals, startTime, summary } = end;
      const facts = { order, totals, peer, startTime, summary };
      const receipt = await sentReceipt(options, source, facts);
      if (receiverSeal(facts) === null) {
        const message = `The receiver of ${transferId} has given no valid signature`;
        post({ type: 'log', level: 'warn', message });
      }
      await source.close(true);
      const outcome = {
        kind: 'complete',
        fileErrors: end.errors,
        receiptPath: receipt.path,
      } as const;
      post({ type: 'sendEnded', transferId, outcome });
    } catch (error) {
      const message = `Cannot write the receipt: ${error instanceof Error ? error.message : error}`;
      const outcome = { kind: 'interrupted', code: 'io_error', message } as const;
      post({ type: 'sendEnded', transferId, outcome });
    }
  }

  #accept(peer: AcceptedPeer): IncomingFlow | string {
    if (this.#stopping) return 'the server is stopping';
    const { incomingConnectionsMax: most } = this.#bandwidth;
    if (this.#incoming.size >= most) return tooManyFlows(this.#incoming.size, most);
    return this.#incoming.add(peer);
  }

  #discovered(discoverId: string, from: PeerAddress): void {
    if (!this.#expected.delete(discoverId)) return;
    const address = from.address.replace(/^::ffff:/, '');
    this.#context.post({ type: 'discovered', discoverId, from: { address, port: from.port } });
  }

  #publishProgress(): void {
    for (const link of this.#links.values()) {
      for (const job of link.jobs) {
        const progress = { ...job.progress(), bottleneck: link.bottleneck(job) };
        this.#context.post({ type: 'sendProgress', transferId: job.order.transferId, progress });
      }
    }
    for (const job of this.#incoming.jobs) {
      if (!job.receiving) continue;
      const { transferId } = job;
      this.#context.post({ type: 'receiveProgress', transferId, progress: job.progress() });
    }
  }

  async #stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#progressTimer);
    clearInterval(this.#bandwidthTimer);
    const jobs = [...this.#incoming.jobs];
    for (const job of jobs) job.interrupt('The server is stopping');
    for (const link of this.#links.values()) link.stop('The server is stopping');
    this.#context.endpoint.closeAll(0, 'the server is stopping');
    this.#streams?.endpoint.closeAll(0, 'the server is stopping');
    this.#wake();
    const settled = Promise.all([...jobs.map((job) => job.settled), ...this.#receipts]);
    const limit = new Promise((resolve) => setTimeout(resolve, drainMs).unref());
    await Promise.race([settled, limit]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.#loop.stop();
    await this.#streams?.stop();
    await this.#parts.storage.stop();
    await this.#parts.io.close();
    this.#parts.post({ type: 'stopped' });
  }
}
