/**
 * A flow that a peer has opened to us: takes its offers, keeps the transfers it sends apart, and
 * divides the arena between them.
 */
import {
  ChunkInbox,
  type Credit,
  type Flow,
  type FlowEvents,
  MESSAGE,
  type Message,
} from '@jetstream/transport';
import type { PeerFacts, ReceiveDecision, ReceiveOffer } from '../data-plane.js';
import { helloBody, jsonMessage, offerBody, parseBody } from './peer-messages.js';
import { ReceiveJob } from './receive-job.js';
import type { WorkerContext } from './worker-context.js';

/** Transfers that one flow may carry at a time. */
export const TRANSFERS_PER_FLOW_MAX = 256;
/** Chunks that each transfer may always have open, however many there are. */
const CHUNKS_OPEN_MIN = 2;

export interface IncomingPorts {
  readonly context: WorkerContext;
  /** Asks the domain. */
  decide(offer: ReceiveOffer): Promise<ReceiveDecision>;
  /** Takes a transfer over from another flow; resolves when its files are let go. */
  claim(job: ReceiveJob): Promise<void>;
  ended(job: ReceiveJob): void;
  /** Transfers being received over all flows, for fair shares of the arena. */
  receivingCount(): number;
  /** Most that this flow may send to us now, bytes per microsecond. */
  rateMax(): number;
  closed(flow: IncomingFlow): void;
}

export class IncomingFlow {
  readonly #ports: IncomingPorts;
  readonly #publicKey: string;
  readonly #address: { readonly address: string; readonly port: number };
  readonly #jobs = new Map<number, ReceiveJob>();
  readonly inbox: ChunkInbox;
  #flow: Flow | null = null;
  #peer: PeerFacts | null = null;

  constructor(
    ports: IncomingPorts,
    peer: { address: { address: string; port: number }; key: Uint8Array },
  ) {
    this.#ports = ports;
    this.#address = peer.address;
    this.#publicKey = Buffer.from(peer.key).toString('base64');
    const { receiveSlots, arena } = ports.context;
    this.inbox = new ChunkInbox({
      acquire: () => receiveSlots.acquire(),
      release: (offset) => receiveSlots.release(offset),
      chunkReceived: (channel, chunk, place) => {
        const job = this.#jobs.get(channel);
        if (job === undefined) receiveSlots.release(place.offset);
        else job.chunkReceived(chunk, place);
      },
    });
    this.inbox.arena = arena;
  }

  get events(): FlowEvents {
    return {
      message: (message) => this.#receive(message),
      chunkAcked: () => undefined,
      credit: () => undefined,
      credits: () => this.#credits(),
      receiveRateMax: () => this.#ports.rateMax(),
      closed: (end) => this.#closed(end.reason),
    };
  }

  ready(flow: Flow): void {
    this.#flow = flow;
    const { serverId, serverUid } = this.#ports.context.options;
    flow.send(jsonMessage(MESSAGE.hello, 0, { serverId, serverUid }));
  }

  #credits(): Credit[] {
    const openMax = this.#openMax();
    const credits: Credit[] = [];
    for (const [channel, job] of this.#jobs) {
      if (!job.receiving) continue;
      const chunkLimit = this.inbox.grant(channel, openMax);
      credits.push({ channel, chunkLimit });
    }
    return credits;
  }

  /** A fair part of the arena. */
  #openMax(): number {
    const { receiveSlots } = this.#ports.context;
    const share = Math.floor(receiveSlots.size / Math.max(1, this.#ports.receivingCount()));
    return Math.max(share, CHUNKS_OPEN_MIN);
  }

  #receive(message: Message): void {
    if (message.type === MESSAGE.hello) {
      const hello = parseBody(helloBody, message.body);
      if (hello === null || this.#peer !== null) return;
      this.#peer = { ...this.#address, publicKey: this.#publicKey, ...hello };
      this.#ports.context.post({ type: 'peerChanged', peer: this.#peer, state: 'connected' });
    } else if (message.type === MESSAGE.offer) {
      this.#offer(message);
    } else {
      this.#jobs.get(message.channel)?.receive(message);
    }
  }

  #offer(message: Message): void {
    const { channel } = message;
    const offer = parseBody(offerBody, message.body);
    const flow = this.#flow as Flow;
    if (offer === null || this.#peer === null || this.#jobs.has(channel)) {
      const why = { code: 'peer_refused', message: 'The offer is malformed' };
      flow.send(jsonMessage(MESSAGE.refuse, channel, why));
      return;
    }
    if (this.#jobs.size >= TRANSFERS_PER_FLOW_MAX) {
      const text = `Cannot take the transfer: ${this.#jobs.size} are open, expected fewer`;
      const why = { code: 'too_many_requests', message: text };
      flow.send(jsonMessage(MESSAGE.refuse, channel, why));
      return;
    }
    const { context } = this.#ports;
    const job: ReceiveJob = new ReceiveJob({
      context,
      flow,
      inbox: this.inbox,
      channel,
      offer,
      peer: this.#peer,
      openMax: () => this.#openMax(),
      ended: (outcome) => {
        this.#jobs.delete(channel);
        this.#ports.ended(job);
        if (outcome === null) return;
        context.post({ type: 'receiveEnded', transferId: offer.transferId, outcome });
      },
    });
    this.#jobs.set(channel, job);
    void this.#start(job, { ...offer, peer: this.#peer });
  }

  async #start(job: ReceiveJob, offer: ReceiveOffer): Promise<void> {
    await this.#ports.claim(job);
    let decision: ReceiveDecision;
    try {
      decision = await this.#ports.decide(offer);
    } catch {
      decision = { accepted: false, code: 'internal', message: 'The receiver failed to decide' };
    }
    await job.start(decision);
  }

  /** Whether it carries a transfer now. */
  get receiving(): boolean {
    return this.#jobs.size > 0;
  }

  /** Link bytes so far. */
  get bytesReceived(): number {
    return this.#flow?.totals.bytesReceived ?? 0;
  }

  #closed(reason: string): void {
    this.#ports.closed(this);
    for (const job of [...this.#jobs.values()]) job.interrupt(`The flow ended: ${reason}`);
    if (this.#peer === null) return;
    this.#ports.context.post({ type: 'peerChanged', peer: this.#peer, state: 'disconnected' });
  }
}
