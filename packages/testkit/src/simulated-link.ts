/**
 * One direction of a network path: a bottleneck with a tail-drop queue, then a delay, then what
 * goes wrong on long lines. Loss comes after the bottleneck: a lost packet has used the link.
 */
import type { PeerAddress } from '@jetstream/transport';
import type { Prng } from './prng.js';
import type { VirtualClock } from './virtual-clock.js';

/** Bytes of the IP and UDP headers, counted against rate and MTU. */
export const IP_UDP_BYTES = 28;

/** What a sealed packet is while nobody encrypts it: its fields, and the identity of its key. */
export interface SealedPacket {
  readonly connectionId: number;
  readonly numberLow: number;
  readonly numberHigh: number;
  readonly kind: number;
  readonly place: number;
  readonly positionLow: number;
  readonly positionHigh: number;
  readonly payload: Uint8Array;
  readonly keyIdentity: number;
}

/** A packet on its way; exactly one of `clear` and `sealed` is there. */
export interface Datagram {
  readonly from: PeerAddress;
  readonly to: PeerAddress;
  /** UDP payload bytes. */
  readonly bytes: number;
  readonly clear: Uint8Array | null;
  readonly sealed: SealedPacket | null;
}

/** Half-open span of virtual time. */
export interface Outage {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Shares are of packets, 0 to 1. Everything may be changed while traffic flows. */
export interface LinkOptions {
  /** One way. */
  readonly delayUs: number;
  /** The delay wanders within plus or minus this; the order of packets is kept. */
  readonly jitterUs: number;
  /** Of IP packets; 0 is unlimited and has no queue. */
  readonly rateMbps: number;
  /** Longest wait in the queue before packets are dropped at its tail. */
  readonly queueUs: number;
  readonly loss: number;
  /** Mean length of a run of lost packets, at the same mean loss; 1 for independent losses. */
  readonly burstPackets: number;
  /** Packets held back by `reorderUs` while later ones pass. */
  readonly reorder: number;
  readonly reorderUs: number;
  readonly duplicate: number;
  /** Damage that checksums or the AEAD catch: acts as loss. */
  readonly corrupt: number;
  /** Damage that reaches the receiver in clear packets: flipped, cut or lengthened. */
  readonly mangle: number;
  /** Clear packets delivered once more, up to 3 s later. */
  readonly replay: number;
  /** Largest IP packet; larger ones vanish. */
  readonly mtuBytes: number;
  readonly outages: readonly Outage[];
}

/** A perfect link with 1 ms of delay. */
export const LINK_DEFAULTS: LinkOptions = {
  delayUs: 1000,
  jitterUs: 0,
  rateMbps: 0,
  queueUs: 100_000,
  loss: 0,
  burstPackets: 1,
  reorder: 0,
  reorderUs: 2000,
  duplicate: 0,
  corrupt: 0,
  mangle: 0,
  replay: 0,
  mtuBytes: 1500,
  outages: [],
};

/** Counters of a link. */
export interface LinkCounters {
  packets: number;
  bytes: number;
  delivered: number;
  droppedQueue: number;
  droppedLoss: number;
  droppedMtu: number;
  droppedOutage: number;
  mangled: number;
  /** Sum and maximum of the time that packets waited for the bottleneck. */
  queueUsSum: number;
  queueUsMax: number;
}

const JITTER_STEP_US = 10_000;
const REPLAY_US_MAX = 3_000_000;

/** One direction of a path. */
export class SimulatedLink {
  readonly counters: LinkCounters = {
    packets: 0,
    bytes: 0,
    delivered: 0,
    droppedQueue: 0,
    droppedLoss: 0,
    droppedMtu: 0,
    droppedOutage: 0,
    mangled: 0,
    queueUsSum: 0,
    queueUsMax: 0,
  };
  readonly #clock: VirtualClock;
  readonly #random: Prng;
  #options: LinkOptions;
  #freeAt = 0;
  #lastArrival = 0;
  #inBurst = false;
  #jitterFrom = 0;
  #jitterTo = 0;
  #jitterAt = 0;

  constructor(clock: VirtualClock, random: Prng, options: Partial<LinkOptions> = {}) {
    this.#clock = clock;
    this.#random = random;
    this.#options = { ...LINK_DEFAULTS, ...options };
  }

  get options(): LinkOptions {
    return this.#options;
  }

  /** Time that a packet sent now would wait for the bottleneck. */
  get waitUs(): number {
    return Math.max(0, this.#freeAt - this.#clock.now);
  }

  /** Changes some options from now on. */
  set(changes: Partial<LinkOptions>): void {
    this.#options = { ...this.#options, ...changes };
  }

  /** Puts a packet on the link; `arrive` is called for what comes out at the other end. */
  send(datagram: Datagram, arrive: (datagram: Datagram) => void): void {
    const options = this.#options;
    const { counters } = this;
    const now = this.#clock.now;
    const bytes = datagram.bytes + IP_UDP_BYTES;
    counters.packets += 1;
    counters.bytes += bytes;
    if (bytes > options.mtuBytes) {
      counters.droppedMtu += 1;
      return;
    }
    if (options.outages.some((outage) => now >= outage.fromUs && now < outage.toUs)) {
      counters.droppedOutage += 1;
      return;
    }
    const leavesAt = this.#passBottleneck(bytes, now);
    if (leavesAt < 0) return;
    if (this.#isLost() || this.#random.chance(options.corrupt)) {
      counters.droppedLoss += 1;
      return;
    }
    const damaged = this.#random.chance(options.mangle) ? this.#mangle(datagram) : datagram;
    if (damaged === null) return;
    let arrivesAt = leavesAt + options.delayUs + this.#jitter(now);
    if (this.#random.chance(options.reorder)) {
      arrivesAt += options.reorderUs;
    } else {
      arrivesAt = Math.max(arrivesAt, this.#lastArrival);
      this.#lastArrival = arrivesAt;
    }
    this.#deliver(damaged, arrivesAt, arrive);
    if (this.#random.chance(options.duplicate)) this.#deliver(damaged, arrivesAt + 100, arrive);
    if (datagram.clear !== null && this.#random.chance(options.replay)) {
      this.#deliver(datagram, arrivesAt + this.#random.below(REPLAY_US_MAX), arrive);
    }
  }

  #deliver(datagram: Datagram, at: number, arrive: (datagram: Datagram) => void): void {
    this.#clock.schedule(at, () => {
      this.counters.delivered += 1;
      arrive(datagram);
    });
  }

  /** @returns When the packet has left the bottleneck; -1 when its queue is full. */
  #passBottleneck(bytes: number, now: number): number {
    const { rateMbps, queueUs } = this.#options;
    if (rateMbps === 0) return now;
    const waitUs = Math.max(0, this.#freeAt - now);
    if (waitUs > queueUs) {
      this.counters.droppedQueue += 1;
      return -1;
    }
    this.counters.queueUsSum += waitUs;
    this.counters.queueUsMax = Math.max(this.counters.queueUsMax, waitUs);
    this.#freeAt = now + waitUs + (bytes * 8) / rateMbps;
    return this.#freeAt;
  }

  #isLost(): boolean {
    const { loss, burstPackets } = this.#options;
    if (loss === 0) return false;
    if (burstPackets <= 1) return this.#random.chance(loss);
    if (this.#inBurst) this.#inBurst = !this.#random.chance(1 / burstPackets);
    else this.#inBurst = this.#random.chance(loss / (burstPackets * (1 - loss)));
    return this.#inBurst;
  }

  #jitter(now: number): number {
    const { jitterUs } = this.#options;
    if (jitterUs === 0) return 0;
    while (this.#jitterAt <= now) {
      this.#jitterAt = Math.max(this.#jitterAt, now - JITTER_STEP_US) + JITTER_STEP_US;
      this.#jitterFrom = this.#jitterTo;
      this.#jitterTo = (this.#random.float() * 2 - 1) * jitterUs;
    }
    const share = 1 - (this.#jitterAt - now) / JITTER_STEP_US;
    const offset = this.#jitterFrom + (this.#jitterTo - this.#jitterFrom) * share;
    return Math.max(offset, -this.#options.delayUs);
  }

  /** @returns null for a sealed packet: its tag no longer fits. */
  #mangle(datagram: Datagram): Datagram | null {
    this.counters.mangled += 1;
    if (datagram.clear === null) return null;
    const random = this.#random;
    let clear = datagram.clear.slice();
    const way = random.below(3);
    if (way === 0) {
      const at = random.below(clear.length);
      clear[at] = (clear[at] as number) ^ (1 << random.below(8));
    } else if (way === 1) {
      clear = clear.slice(0, 1 + random.below(clear.length));
    } else {
      const longer = new Uint8Array(clear.length + 1 + random.below(100));
      longer.set(clear);
      clear = longer;
    }
    return { ...datagram, clear, bytes: clear.length };
  }
}
