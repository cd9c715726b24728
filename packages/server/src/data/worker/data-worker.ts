/**
 * A data worker: one thread that owns a UDP socket, runs the protocol of its flows, and has a disk
 * thread of its own. It blocks in the socket for at most a millisecond while flows are busy, so
 * that answers of the disk and orders of the main thread are never kept waiting longer.
 */
import { createHmac, randomBytes } from 'node:crypto';
import {
  ENDPOINT_SCRATCH_BYTES,
  Endpoint,
  PAYLOAD_BYTES_MAX,
  type PacketIO,
  type PeerAddress,
  SendGate,
} from '@jetstream/transport';
import { SLOT_BYTES, type Storage } from '../../storage/storage.js';
import { IncomingFlow } from './incoming-flow.js';
import { LinkTable } from './link-table.js';
import { OfferDesk } from './offer-desk.js';
import { tooManyFlows } from './outgoing-link.js';
import { RateMemory } from './rate-memory.js';
import { writeReceipt } from './receipt-file.js';
import type { ReceiveJob } from './receive-job.js';
import type { SendJob, SendJobEnd } from './send-job.js';
import { SlotPool } from './slot-pool.js';
import { createTlsChannels } from './tls-channel.js';
import { BANDWIDTH_TURN_MS, WorkerBandwidth } from './worker-bandwidth.js';
import type { WorkerContext } from './worker-context.js';
import { WorkerLoop } from './worker-loop.js';
import type { DataWorkerOptions, FromWorker, ToWorker } from './worker-messages.js';

const PROGRESS_MS = 250;

/** Arena bytes for a worker with this many slots each way. */
export const arenaBytes = (slots: number): number =>
  ENDPOINT_SCRATCH_BYTES + 2 * slots * SLOT_BYTES;

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

export class DataWorker {
  readonly #parts: DataWorkerParts;
  readonly #context: WorkerContext;
  readonly #loop: WorkerLoop;
  readonly #links: LinkTable;
  readonly #sending = new Map<string, SendJob>();
  readonly #receiving = new Map<string, ReceiveJob>();
  readonly #offers: OfferDesk;
  readonly #bandwidth: WorkerBandwidth;
  readonly #incoming = new Set<IncomingFlow>();
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
    const endpoint = new Endpoint({
      io,
      arena,
      scratchOffset: 0,
      keyEpochShift: options.keyEpochShift,
      minCipher: options.minCipher,
      openSecureChannel: createTlsChannels(options.identity),
      random: () => randomBytes(4).readUInt32BE(),
      cookieFor: cookieMaker(),
      payloadBytesMax: payloadBytesMax(io),
      gate,
      discovered: (id, from) => this.#discovered(Buffer.from(id).toString('hex'), from),
      accept: (peer) => this.#accept(peer),
      wake: () => this.#loop.wake(),
    });
    this.#loop = new WorkerLoop({ io, endpoint, turn: () => this.#links.tick() });
    const slots = { slotBytes: SLOT_BYTES, count: options.slots };
    const start = ENDPOINT_SCRATCH_BYTES;
    this.#context = {
      options,
      endpoint,
      storage: parts.storage,
      arena,
      sendSlots: new SlotPool({ start, ...slots }),
      receiveSlots: new SlotPool({ start: start + options.slots * SLOT_BYTES, ...slots }),
      rates: new RateMemory(),
      now: () => this.#loop.now(),
      post: (message) => parts.post(message),
      wake: () => this.#loop.wake(),
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    };
    this.#links = new LinkTable(this.#context, {
      started: (job, peer) => {
        const { transferId } = job.order;
        this.#context.post({ type: 'sendStarted', transferId, peer });
      },
      ended: (job, end, peer) => this.#sendEnded(job, end, peer),
      peerChanged: (peer, state) => this.#context.post({ type: 'peerChanged', peer, state }),
    });
    this.#progressTimer = setInterval(() => this.#publishProgress(), PROGRESS_MS);
    this.#bandwidthTimer = setInterval(() => {
      this.#bandwidth.turn(io.stats(), this.#loop.now());
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
        for (const job of this.#receiving.values()) {
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
      case 'limits':
        this.#bandwidth.setLimits(message.limits);
        break;
      case 'stop':
        void this.#stop(message.drainMs);
        break;
    }
    this.#loop.wake();
  }

  #sendEnded(
    job: SendJob,
    end: SendJobEnd,
    peer: Parameters<typeof writeReceipt>[1]['peer'] | null,
  ): void {
    const { order } = job;
    const { transferId } = order;
    this.#sending.delete(transferId);
    const { post, options } = this.#context;
    post({
      type: 'sendProgress',
      transferId,
      progress: { ...job.progress(), bottleneck: null },
    });
    if (end.kind !== 'complete' || peer === null) {
      const kind = end.kind === 'interrupted' ? 'interrupted' : 'failed';
      const error = end.kind === 'complete' ? null : end.error;
      const code = error?.code ?? 'flow_failed';
      const message = error?.message ?? 'The peer is unknown';
      post({ type: 'sendEnded', transferId, outcome: { kind, code, message } });
      return;
    }
    const receipt = writeReceipt(options.receiptDir, {
      role: 'sender',
      transferId,
      serverUid: options.serverUid,
      peer,
      destinationPath: order.destinationPath,
      totalFiles: order.totalFiles,
      totalBytes: order.totalBytes,
      fileErrors: end.errors,
      receiverReceiptBlake3: end.summary.receiptBlake3,
    });
    const outcome = {
      kind: 'complete',
      fileErrors: end.errors,
      receiptPath: receipt.path,
    } as const;
    post({ type: 'sendEnded', transferId, outcome });
  }

  #accept(peer: { address: PeerAddress; key: Uint8Array }): IncomingFlow | string {
    if (this.#stopping) return 'the server is stopping';
    const { incomingConnectionsMax: most } = this.#bandwidth;
    if (this.#incoming.size >= most) return tooManyFlows(this.#incoming.size, most);
    const flow: IncomingFlow = new IncomingFlow(
      {
        context: this.#context,
        decide: (offer) => this.#offers.ask(offer),
        claim: (job) => this.#claim(job),
        ended: (job) => {
          const key = `${job.peer.publicKey} ${job.transferId}`;
          if (this.#receiving.get(key) === job) this.#receiving.delete(key);
        },
        receivingCount: () => this.#receiving.size,
        rateMax: () => this.#bandwidth.incomingShare(flow),
        closed: (closed) => this.#incoming.delete(closed),
      },
      peer,
    );
    this.#incoming.add(flow);
    return flow;
  }

  #discovered(discoverId: string, from: PeerAddress): void {
    if (!this.#expected.delete(discoverId)) return;
    const address = from.address.replace(/^::ffff:/, '');
    this.#context.post({ type: 'discovered', discoverId, from: { address, port: from.port } });
  }

  /** A sender that was restarted comes back over a new flow while the old one still looks alive. */
  async #claim(job: ReceiveJob): Promise<void> {
    const key = `${job.peer.publicKey} ${job.transferId}`;
    const other = this.#receiving.get(key);
    this.#receiving.set(key, job);
    if (other === undefined) return;
    other.interrupt('The sender has come back over another flow');
    await other.settled;
  }

  #publishProgress(): void {
    for (const link of this.#links.values()) {
      for (const job of link.jobs) {
        const progress = { ...job.progress(), bottleneck: link.bottleneck(job) };
        this.#context.post({ type: 'sendProgress', transferId: job.order.transferId, progress });
      }
    }
    for (const job of this.#receiving.values()) {
      if (!job.receiving) continue;
      const { transferId } = job;
      this.#context.post({ type: 'receiveProgress', transferId, progress: job.progress() });
    }
  }

  async #stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#progressTimer);
    clearInterval(this.#bandwidthTimer);
    const jobs = [...this.#receiving.values()];
    for (const job of jobs) job.interrupt('The server is stopping');
    for (const link of this.#links.values()) link.stop('The server is stopping');
    this.#context.endpoint.closeAll(0, 'the server is stopping');
    this.#loop.wake();
    const settled = Promise.all(jobs.map((job) => job.settled));
    const limit = new Promise((resolve) => setTimeout(resolve, drainMs).unref());
    await Promise.race([settled, limit]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.#loop.stop();
    await this.#parts.storage.stop();
    await this.#parts.io.close();
    this.#parts.post({ type: 'stopped' });
  }
}
