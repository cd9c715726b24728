/** One simulated server: an endpoint on the simulated network, with drivers for its transfers. */
import {
  type AcceptedFlow,
  type Cipher,
  ENDPOINT_SCRATCH_BYTES,
  Endpoint,
  type Flow,
  type OpenSecureChannel,
  PACKET_OVERHEAD_BYTES,
  PAYLOAD_LADDER,
  type PeerAddress,
  type RatePolicyName,
  type SendGate,
} from '@jetstream/transport';
import { fakeSecureChannels } from './fake-secure-channel.js';
import { type AmplificationCheck, type DeliveryCheck, SpinCheck } from './invariants.js';
import { mix32, type Prng } from './prng.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { SimulatedPacketIO } from './simulated-packet-io.js';
import { SLOT_BYTES, SlotPool } from './slot-pool.js';
import { type StallOptions, Stalls } from './stalls.js';
import { type DiskOptions, TransferReceiver } from './transfer-receiver.js';
import { type OutgoingTransfer, TransferSender } from './transfer-sender.js';
import type { VirtualClock } from './virtual-clock.js';

/** How a host is made; everything has a default. */
export interface SimulatedHostOptions {
  /** Chunks that the arena holds. */
  readonly slots?: number;
  /** Of these, how many one flow may use to send, and how many it grants to a sender. */
  readonly sendSlots?: number;
  readonly openMax?: number;
  readonly keyEpochShift?: number;
  readonly cipher?: Cipher;
  readonly payloadBytesMax?: number;
  /** Shortest time between two steps; a data worker isn't woken for each packet either. */
  readonly stepUs?: number;
  /** A busy machine: now and then the host does not run for a while. */
  readonly stalls?: StallOptions;
  /** Time that cryptography takes for each handshake message. */
  readonly handshakeUs?: number;
  readonly blockedShare?: number;
  readonly disk?: DiskOptions;
  readonly damaged?: ReadonlySet<number>;
  /** Ceiling for all that the host sends. */
  readonly gate?: SendGate;
  /** Most that each flow of the host asks to receive; 0 for no limit. */
  readonly receiveMbps?: () => number;
  /** Refuses peers. */
  readonly refuse?: boolean;
  /** What sets sessions up in place of the stand-in, with the key that it shows. */
  readonly identity?: { readonly key: Uint8Array; readonly open: OpenSecureChannel };
}

/** How a flow has ended. */
export interface FlowEnd {
  readonly by: 'peer' | 'us' | 'timeout';
  readonly code: number;
  readonly reason: string;
}

/** A flow of a host with both its drivers. */
export interface FlowSession {
  readonly role: 'client' | 'server';
  readonly flow: Flow;
  readonly sender: TransferSender;
  readonly receiver: TransferReceiver;
  end: FlowEnd | null;
}

/** What became of a call of `connect`. */
export interface Dial {
  session: FlowSession | null;
  failure: string | null;
  attempts: number;
  /** Virtual times; -1 before. */
  readonly startedAt: number;
  completeAt: number;
}

/** How to connect and what to send. */
export interface DialOptions {
  readonly transfers: readonly OutgoingTransfer[];
  readonly peerKey?: Uint8Array | null;
  readonly rateMaxMbps?: number;
  readonly rateHintMbps?: number;
  readonly policy?: RatePolicyName;
  readonly lossMax?: number;
  readonly minCipher?: number;
  /** Handshakes tried before giving up. */
  readonly attemptsMax?: number;
  /** Leaves the flow open when everything has arrived. */
  readonly keepOpen?: boolean;
}

/** The side of a flow that dialled. */
interface OutgoingFlow {
  readonly dial: Dial;
  readonly options: DialOptions;
  readonly failed: (message: string) => void;
}

/** What a host needs of its world. */
export interface Surroundings {
  readonly clock: VirtualClock;
  readonly random: Prng;
  readonly network: SimulatedNetwork;
  readonly amplification: AmplificationCheck;
  readonly delivery: DeliveryCheck;
}

const RETRY_PAUSE_US = 200_000;
/** One packet may cross the window's limit; the largest is a probe of the ladder. */
const PROBE_BYTES_MAX = (PAYLOAD_LADDER.at(-1) ?? 0) + PACKET_OVERHEAD_BYTES;

/** A host; made by `SimulatedWorld.addHost`. */
export class SimulatedHost {
  readonly name: string;
  readonly key: Uint8Array;
  readonly io: SimulatedPacketIO;
  readonly endpoint: Endpoint;
  readonly slots: SlotPool;
  readonly sessions: FlowSession[] = [];
  /** What the host has received, by transfer: chunks on its disk. */
  readonly durable = new Map<number, Set<number>>();
  readonly #world: Surroundings;
  readonly #options: Required<Pick<SimulatedHostOptions, 'stepUs' | 'sendSlots' | 'openMax'>> &
    SimulatedHostOptions;
  readonly #arena: Uint8Array;
  readonly #spin = new SpinCheck();
  readonly #open = new Set<{ session: FlowSession; outgoing: OutgoingFlow | null }>();
  readonly #stalls: Stalls | null;
  #dueAt = 0;
  #steppedAt = -Infinity;

  constructor(
    world: Surroundings,
    place: { name: string; address: PeerAddress },
    options: SimulatedHostOptions,
  ) {
    const slots = options.slots ?? 128;
    const half = Math.floor(slots / 2);
    this.#world = world;
    this.#options = { stepUs: 200, sendSlots: half, openMax: half, ...options };
    this.name = place.name;
    const random = world.random.fork();
    this.key = options.identity?.key ?? random.bytes(32);
    this.#stalls = options.stalls === undefined ? null : new Stalls(options.stalls, random.fork());
    const slotsAt = ENDPOINT_SCRATCH_BYTES;
    this.#arena = new Uint8Array(slotsAt + slots * SLOT_BYTES);
    this.slots = new SlotPool(slotsAt, slots);
    const keyEpochShift = options.keyEpochShift ?? 24;
    this.io = new SimulatedPacketIO(world.network, place.address, {
      name: place.name,
      arena: this.#arena,
      keyEpochShift,
      random,
      blockedShare: options.blockedShare ?? 0,
      arrived: () => this.wake(),
    });
    this.endpoint = this.#openEndpoint(random, keyEpochShift);
  }

  /** When the host needs to run. */
  get dueAt(): number {
    const at = Math.max(this.#dueAt, this.#steppedAt + this.#options.stepUs);
    return this.#stalls === null ? at : this.#stalls.after(at);
  }

  /** Lets the host run as soon as it may. */
  wake(): void {
    this.#dueAt = Math.min(this.#dueAt, this.#world.clock.now);
  }

  /** Starts a flow to another host, and transfers on it. */
  connect(target: SimulatedHost, options: DialOptions): Dial {
    const dial: Dial = {
      session: null,
      failure: null,
      attempts: 0,
      startedAt: this.#world.clock.now,
      completeAt: -1,
    };
    this.#dial(target, dial, options);
    return dial;
  }

  /** Runs the endpoint once and checks what it did. */
  step(): void {
    const { now } = this.#world.clock;
    this.#dueAt = Infinity;
    this.#steppedAt = now;
    this.#stalls?.passed(now);
    for (const { session } of this.#open) session.sender.pump();
    const before = [...this.#open].map(({ session }) => session.flow.bytesInFlight);
    const { packetsSent, packetsReceived } = this.io.counters;
    const deadline = this.endpoint.step(() => now, 0);
    const { counters } = this.io;
    const moved =
      counters.packetsSent !== packetsSent || counters.packetsReceived !== packetsReceived;
    this.#spin.note({ now, deadline, moved: moved || this.io.waiting > 0 });
    this.#checkWindows(before);
    this.#dueAt = Math.min(this.#dueAt, deadline);
    if (this.io.waiting > 0) this.wake();
    this.#finishSessions(now);
  }

  #openEndpoint(random: Prng, keyEpochShift: number): Endpoint {
    const { clock } = this.#world;
    const { cipher, handshakeUs = 1500, payloadBytesMax, gate, identity } = this.#options;
    const cookieSecret = random.next();
    const standIn = fakeSecureChannels({
      key: this.key,
      random,
      defer: (callback) => clock.schedule(clock.now + handshakeUs, callback),
      ...(cipher === undefined ? {} : { cipher }),
    });
    return new Endpoint({
      io: this.io,
      arena: this.#arena,
      scratchOffset: 0,
      keyEpochShift,
      minCipher: 2,
      openSecureChannel: identity?.open ?? standIn,
      random: () => random.next(),
      cookieFor: (peer) => {
        let hash = cookieSecret;
        for (const character of peer.address) hash = mix32(hash ^ character.charCodeAt(0));
        const cookie = new Uint8Array(16);
        new DataView(cookie.buffer).setUint32(0, mix32(hash ^ peer.port));
        return cookie;
      },
      ...(payloadBytesMax === undefined ? {} : { payloadBytesMax: () => payloadBytesMax }),
      ...(gate === undefined ? {} : { gate }),
      accept: () => (this.#options.refuse === true ? 'not accepted' : this.#accept('server', null)),
      wake: () => this.wake(),
    });
  }

  #dial(target: SimulatedHost, dial: Dial, options: DialOptions): void {
    const { clock, network } = this.#world;
    const peer = network.addressOf(target.name);
    this.#world.amplification.expect(this.name, peer);
    dial.attempts += 1;
    const failed = (message: string) => {
      if (dial.attempts < (options.attemptsMax ?? 1)) {
        clock.schedule(clock.now + RETRY_PAUSE_US, () => this.#dial(target, dial, options));
      } else {
        dial.failure = message;
      }
    };
    this.endpoint.connect(
      {
        peer,
        peerKey: options.peerKey === undefined ? target.key : options.peerKey,
        minCipher: options.minCipher ?? 2,
        rateMax: options.rateMaxMbps === undefined ? Infinity : options.rateMaxMbps / 8,
        rateHint: (options.rateHintMbps ?? 0) / 8,
        ...(options.policy === undefined ? {} : { policy: options.policy }),
        ...(options.lossMax === undefined ? {} : { lossMax: options.lossMax }),
        connected: () => this.#accept('client', { dial, options, failed }),
        failed: (_reason, message) => failed(message),
      },
      clock.now,
    );
    this.wake();
  }

  #accept(role: 'client' | 'server', outgoing: OutgoingFlow | null): AcceptedFlow {
    const { sender, receiver } = this.#makeDrivers();
    const entry = { current: null as FlowSession | null };
    return {
      inbox: receiver.inbox,
      events: {
        message: (message) => {
          sender.onMessage(message);
          receiver.onMessage(message);
        },
        chunkAcked: (channel, chunk, offset) => sender.onChunkAcked(channel, chunk, offset),
        credit: (channel, chunkLimit) => sender.onCredit(channel, chunkLimit),
        credits: () => receiver.credits(),
        receiveRateMax: () => (this.#options.receiveMbps?.() || Infinity) / 8,
        closed: (end) => {
          const session = entry.current;
          sender.onClosed();
          receiver.onClosed();
          if (session === null) return;
          session.end = end;
          // The handshake looked complete from here and was not.
          if (session.flow.highestReceived < 0) outgoing?.failed(end.reason);
        },
      },
      ready: (flow) => {
        const session: FlowSession = { role, flow, sender, receiver, end: null };
        entry.current = session;
        sender.attach(flow);
        receiver.attach(flow);
        this.sessions.push(session);
        this.#open.add({ session, outgoing });
        if (outgoing === null) return;
        outgoing.dial.session = session;
        for (const transfer of outgoing.options.transfers) sender.offer(transfer);
      },
    };
  }

  #makeDrivers(): { sender: TransferSender; receiver: TransferReceiver } {
    const { delivery, clock } = this.#world;
    const { disk, damaged, openMax, sendSlots } = this.#options;
    const sender = new TransferSender({
      arena: this.#arena,
      slots: this.slots,
      slotsMax: sendSlots,
      acked: (seed, chunk) => delivery.acked(seed, chunk),
      now: () => clock.now,
    });
    const receiver = new TransferReceiver({
      clock,
      arena: this.#arena,
      slots: this.slots,
      openMax,
      durable: this.durable,
      received: (seed, chunk) => delivery.received(seed, chunk),
      wake: () => this.wake(),
      ...(disk === undefined ? {} : { disk }),
      ...(damaged === undefined ? {} : { damaged }),
    });
    return { sender, receiver };
  }

  /** Whatever was added to the flight must have fitted into the window. */
  #checkWindows(before: readonly number[]): void {
    let i = 0;
    for (const { session } of this.#open) {
      const { flow } = session;
      const bytesBefore = before[i] ?? 0;
      i += 1;
      const { bytesInFlight, rate, timeouts } = flow;
      // A timeout sends two packets whatever the window.
      if (bytesInFlight <= bytesBefore || timeouts > 0) continue;
      const excess = bytesInFlight - rate.window;
      if (excess <= PROBE_BYTES_MAX) continue;
      throw new Error(`Bytes in flight exceed the window by ${excess}`);
    }
  }

  #finishSessions(now: number): void {
    for (const entry of this.#open) {
      const { session, outgoing } = entry;
      if (session.sender.pump()) this.wake();
      if (session.sender.complete && outgoing !== null && outgoing.dial.completeAt < 0) {
        outgoing.dial.completeAt = now;
        if (outgoing.options.keepOpen !== true) session.flow.close(0, 'done');
        this.wake();
      }
      if (session.end !== null) this.#open.delete(entry);
    }
  }
}
