/**
 * The way to one destination: keeps a flow to it while there is something to send, shares it
 * between transfers by priority, and replaces it when it falls silent. A new flow is tried beside
 * the silent one, so that a restarted receiver is found at once and a mere outage costs nothing. Where
 * UDP does not pass the flow goes over TCP, see stream-fallback.ts.
 */
import { CommandError } from '@jetstream/contract';
import {
  type AcceptedFlow,
  ChunkInbox,
  type ConnectOptions,
  FLOW_CODE_REFUSED,
  type Flow,
  MESSAGE,
  type Message,
  type PeerAddress,
} from '@jetstream/transport';
import type { FlowPath, PeerFacts, SendOrder, SendProgress } from '../data-plane.js';
import { helloBody, jsonMessage, parseBody } from './peer-messages.js';
import { pumpByPriority } from './priority-pump.js';
import { SendJob } from './send-job.js';
import type { SendJobEnd } from './send-job-end.js';
import { StreamFallback } from './stream-fallback.js';
import { UDP_BLOCKED_US } from './udp-memory.js';
import type { WorkerContext } from './worker-context.js';

/** A flow whose packets go unanswered for this long may be dead: another is tried beside it. */
const SILENCE_US = 800_000;
/** The same although the peer is heard: what we send may still not reach it. */
const UNANSWERED_US = 2_000_000;
/** The same over TCP, which may be busy with sending again what was lost. */
const STREAM_SILENCE_US = 5_000_000;
/** Time between attempts to connect. */
const RETRY_PAUSE_US = 1_000_000;
/** Attempts to connect go on this long before the transfers count as interrupted. */
const GIVE_UP_US = 30_000_000;
/** An idle flow is kept this long for the next transfer. */
const IDLE_US = 20_000_000;

/** How a receiver begins a refusal that another attempt a moment later does not change. */
const FINAL_REFUSAL = 'Cannot ';
const TOO_MANY = 'incoming connections are open';

/** What a receiver says to a sender beyond its limit of connections. */
export const tooManyFlows = (open: number, most: number): string =>
  `${FINAL_REFUSAL}accept the connection: ${open} ${TOO_MANY}, expected fewer than ${most}`;

export interface LinkEvents {
  /** @param path Null for the data plane's own. */
  started(job: SendJob, peer: PeerFacts, path: FlowPath | null): void;
  ended(job: SendJob, end: SendJobEnd, peer: PeerFacts | null): void;
  peerChanged(peer: PeerFacts, state: 'connected' | 'disconnected'): void;
}

export class OutgoingLink {
  readonly #context: WorkerContext;
  readonly #events: LinkEvents;
  readonly #order: SendOrder;
  readonly #ip: string;
  readonly #jobs = new Map<number, SendJob>();
  readonly #fallback: StreamFallback;
  #flow: Flow | null = null;
  #peer: PeerFacts | null = null;
  #peerKey = '';
  #connecting = false;
  #nextTryAt = 0;
  #tryingSince: number;
  #idleSince: number;
  #nextChannel = 1;
  #closed = false;
  /** Bytes per microsecond. */
  #ceiling = Number.POSITIVE_INFINITY;

  /** @param order Any order to the destination; they share its address, key, policy and cipher. */
  constructor(
    context: WorkerContext,
    destination: { order: SendOrder; ip: string },
    events: LinkEvents,
  ) {
    this.#context = context;
    this.#order = destination.order;
    this.#ip = destination.ip;
    this.#events = events;
    this.#tryingSince = context.now();
    this.#idleSince = context.now();
    const { port, controlPort } = destination.order.destination;
    const target = { ip: this.#ip, port, controlPort: controlPort ?? port, where: this.#where() };
    this.#fallback = new StreamFallback(context, target, (peer) => this.#connectStreams(peer));
  }

  get closed(): boolean {
    return this.#closed;
  }
  get jobs(): Iterable<SendJob> {
    return this.#jobs.values();
  }

  get ip(): string {
    return this.#ip;
  }
  /** The order of one of its jobs; null when it has none. Their destination and ceiling are one. */
  get anyOrder(): SendOrder | null {
    const [job] = this.#jobs.values();
    return job?.order ?? null;
  }

  /** Most that the link may send, bytes per microsecond; applies at once. */
  setCeiling(rateMax: number): void {
    if (rateMax === this.#ceiling) return;
    this.#ceiling = rateMax;
    this.#flow?.rate.setCeiling(rateMax);
  }

  add(order: SendOrder): SendJob {
    const job: SendJob = new SendJob(this.#context, order, {
      started: () => undefined,
      ended: () => undefined,
    });
    this.adopt(job);
    return job;
  }

  /** Takes a job over: a new one, or one that another link has released. */
  adopt(job: SendJob): void {
    const channel = this.#nextChannel;
    this.#nextChannel = (this.#nextChannel % 65_000) + 1;
    job.reportTo({
      started: () => this.#events.started(job, this.#peer as PeerFacts, this.#path),
      ended: (end) => {
        this.#jobs.delete(channel);
        this.#idleSince = this.#context.now();
        this.#noteRate();
        this.#events.ended(job, end, this.#peer);
      },
    });
    this.#jobs.set(channel, job);
    // The hello of this side goes before the offer, so that of the other need not be waited for.
    if (this.#flow !== null) job.attach(this.#flow, channel);
    else this.#tryingSince = this.#context.now();
  }

  /** Lets a job go to another link; the receiver notices when that offers it again. */
  release(job: SendJob): void {
    for (const [channel, held] of this.#jobs) if (held === job) this.#jobs.delete(channel);
    this.#idleSince = this.#context.now();
    job.detach();
  }

  /** Runs once per turn of the worker. @returns When it next needs to. */
  tick(): number {
    const now = this.#context.now();
    if (this.#closed) return Infinity;
    if (this.#jobs.size === 0) {
      if (now - this.#idleSince > IDLE_US || this.#flow === null) this.#close('idle');
      return this.#idleSince + IDLE_US + 1000;
    }
    if (this.#flow !== null && !this.#isSilent(this.#flow, now)) {
      this.#tryingSince = now;
      this.#flow.setDraining(pumpByPriority(this.#jobs.values()));
      if (this.#flow.overStreams) {
        this.#fallback.rest();
        return this.#tryUdpAgain(now);
      }
      // A flow that receives something now and then may still reach nobody itself.
      if (this.#flow.silent) return this.#fallback.tick(now);
      this.#fallback.rest();
      return Infinity;
    }
    if (now - this.#tryingSince > GIVE_UP_US) {
      const why = `${this.#where()} did not answer for 30 s over UDP; ${this.#fallback.outcome}`;
      this.#giveUp('destination_unreachable', why);
      return Infinity;
    }
    const mayTryUdp = !this.#connecting && this.#fallback.mayTryUdp(now);
    if (mayTryUdp && now >= this.#nextTryAt) this.#connect();
    const tryAt = mayTryUdp && !this.#connecting ? this.#nextTryAt : Infinity;
    return Math.min(tryAt, this.#fallback.tick(now), this.#tryingSince + GIVE_UP_US + 1000);
  }

  /** What holds the link back now. */
  bottleneck(job: SendJob): SendProgress['bottleneck'] {
    const flow = this.#flow;
    if (flow === null) return 'network';
    if (job.awaitsCredit) return 'receiver';
    if (job.drained && flow.outbox.size === 0) return 'nothing to send';
    if (!flow.outbox.ready && job.awaitsDisk) return 'source disk';
    return flow.rate.limitedByCeiling ? 'own limit' : 'network';
  }

  stop(reason: string): void {
    for (const job of [...this.#jobs.values()]) {
      job.fail(new CommandError('shutting_down', reason));
    }
    this.#close(reason);
  }

  #isSilent(flow: Flow, now: number): boolean {
    if (!flow.silent) return false;
    const heardBefore = now - flow.lastReceivedAt;
    if (flow.overStreams) return heardBefore > STREAM_SILENCE_US;
    return heardBefore > SILENCE_US || now - flow.unansweredSince > UNANSWERED_US;
  }

  /** Over TCP, and UDP did not pass for so long that it may now. @returns When to look again. */
  #tryUdpAgain(now: number): number {
    const blockedAt = this.#fallback.udpBlockedAt(now);
    if (blockedAt !== null) return blockedAt + UDP_BLOCKED_US;
    if (!this.#connecting) this.#connect();
    return Infinity;
  }

  get #path(): FlowPath | null {
    return this.#flow?.overStreams === true ? this.#fallback.path : null;
  }

  #connect(): void {
    const now = this.#context.now();
    this.#connecting = true;
    this.#nextTryAt = now + RETRY_PAUSE_US;
    this.#fallback.udpAsked(now);
    this.#context.endpoint.connect(
      {
        ...this.#wanted(),
        peer: { address: this.#ip, port: this.#order.destination.port },
        answered: () => this.#fallback.udpAnswered(),
        connected: (key) => this.#accept(key),
        failed: (reason, message) => {
          this.#connecting = false;
          const overStreams = this.#flow?.overStreams === true;
          if (reason === 'refused') this.#refused(message);
          else this.#fallback.udpFailed(this.#context.now(), overStreams);
        },
      },
      now,
    );
    this.#context.wake();
  }

  #connectStreams(peer: PeerAddress): void {
    this.#context.streams?.endpoint.connect(
      {
        ...this.#wanted(),
        peer,
        connected: (key) => this.#accept(key),
        failed: (reason, message) => {
          this.#fallback.flowEnded();
          if (reason === 'refused') this.#refused(message);
        },
      },
      this.#context.now(),
    );
    this.#context.wake();
  }

  #wanted(): Omit<ConnectOptions, 'answered' | 'connected' | 'failed' | 'peer'> {
    const { publicKey, minCipher, policy } = this.#order.destination;
    return {
      peerKey: publicKey === null ? null : new Uint8Array(Buffer.from(publicKey, 'base64')),
      minCipher,
      rateMax: this.#ceiling,
      rateHint: this.#context.rates.hint(this.#ip),
      policy: this.#order.policy ?? policy,
      lossMax: this.#context.options.fixedLossMax,
    };
  }

  #refused(message: string): void {
    const code = message.includes('Cannot trust')
      ? 'peer_identity_mismatch'
      : message.includes(TOO_MANY)
        ? 'too_many_requests'
        : 'flow_failed';
    this.#giveUp(code, `${message} (${this.#where()})`);
  }

  #accept(key: Uint8Array): AcceptedFlow {
    this.#peerKey = Buffer.from(key).toString('base64');
    let own: Flow | null = null;
    return {
      inbox: new ChunkInbox({
        acquire: () => -1,
        chunkReceived: () => undefined,
        release: () => undefined,
      }),
      events: {
        message: (message) => {
          if (own === this.#flow) this.#receive(message);
        },
        chunkAcked: (channel, _chunk, offset, sent) => {
          const job = this.#jobs.get(channel);
          if (job === undefined) this.#context.sendSlots.release(offset);
          else job.chunkAcked(offset, sent);
        },
        credit: (channel, limit) => {
          if (own === this.#flow) this.#jobs.get(channel)?.credit(limit);
        },
        credits: () => [],
        closed: (end) => {
          if (own !== this.#flow) return;
          this.#flowClosed(end.by, end.reason);
          const refused = end.code === FLOW_CODE_REFUSED && end.reason.startsWith(FINAL_REFUSAL);
          if (refused) this.#refused(end.reason);
        },
      },
      ready: (flow) => {
        own = flow;
        this.#useFlow(flow);
      },
    };
  }

  #useFlow(flow: Flow): void {
    const now = this.#context.now();
    const old = this.#flow;
    if (!flow.overStreams) {
      this.#connecting = false;
      this.#fallback.udpAnswered();
    } else if (old !== null && !old.overStreams && !old.silent) {
      this.#fallback.handOver();
      flow.close(0, 'UDP passes after all');
      return;
    } else {
      this.#fallback.flowOpened(now);
    }
    this.#peer = null;
    this.#flow = flow;
    flow.rate.setCeiling(this.#ceiling);
    if (old !== null) {
      for (const job of this.#jobs.values()) job.detach();
      old.close(0, 'replaced by another flow');
    }
    const { serverId, serverUid } = this.#context.options;
    flow.send(jsonMessage(MESSAGE.hello, 0, { serverId, serverUid }));
    for (const [channel, job] of this.#jobs) job.attach(flow, channel);
  }

  #receive(message: Message): void {
    if (message.type !== MESSAGE.hello) {
      this.#jobs.get(message.channel)?.receive(message);
      return;
    }
    const hello = parseBody(helloBody, message.body);
    if (hello === null || this.#peer !== null) return;
    const { destination } = this.#order;
    this.#peer = {
      address: this.#ip,
      port: destination.port,
      publicKey: this.#peerKey,
      ...hello,
    };
    this.#events.peerChanged(this.#peer, 'connected');
  }

  #flowClosed(by: string, reason: string): void {
    this.#noteRate();
    for (const job of this.#jobs.values()) job.detach();
    if (this.#flow?.overStreams === true) this.#fallback.flowEnded();
    this.#flow = null;
    if (this.#peer !== null) this.#events.peerChanged(this.#peer, 'disconnected');
    this.#peer = null;
    this.#nextTryAt = this.#context.now() + (by === 'peer' ? RETRY_PAUSE_US / 4 : 0);
    if (by === 'us' && reason !== 'idle') {
      this.#giveUp('flow_failed', `The flow to ${this.#where()} was closed: ${reason}`);
    }
  }

  #noteRate(): void {
    const flow = this.#flow;
    if (flow === null || flow.overStreams) return;
    const { bandwidth: rate, mode } = flow.rate;
    this.#context.rates.note(this.#ip, { rate, isSettled: mode !== 'startup' });
  }

  #giveUp(
    code:
      | 'destination_unreachable'
      | 'flow_failed'
      | 'peer_identity_mismatch'
      | 'too_many_requests',
    why: string,
  ): void {
    for (const job of [...this.#jobs.values()]) job.fail(new CommandError(code, why));
    this.#close(why);
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flow?.close(0, reason);
    this.#fallback.drop();
    if (this.#peer !== null) this.#events.peerChanged(this.#peer, 'disconnected');
    this.#context.wake();
  }

  #where(): string {
    const { address, port } = this.#order.destination;
    return `${address}:${port}`;
  }
}
