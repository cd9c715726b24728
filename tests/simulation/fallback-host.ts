/**
 * One server of a simulation with both ways to send: the links, jobs and endpoints of a data worker,
 * and the packets of its streams, on a virtual clock. Left out is what is not on the way of data:
 * threads, TLS, the door of the control port.
 */
import {
  fakeSecureChannels,
  type Prng,
  type SimulatedNetwork,
  SimulatedPacketIO,
  SpinCheck,
  type VirtualClock,
} from '@jetstream/testkit';
import {
  DESCRIPTOR_WORDS,
  ENDPOINT_SCRATCH_BYTES,
  Endpoint,
  FRAME,
  newReceivedFrame,
  type PeerAddress,
  readFrame,
  type SendBatch,
} from '@jetstream/transport';
import { type StreamCarrier, StreamPacketIO } from '@jetstream/udp';
import type { FlowPath } from '../../packages/server/src/data/data-plane.js';
import { arenaBytes } from '../../packages/server/src/data/worker/data-worker.js';
import type { Dialed } from '../../packages/server/src/data/worker/dial-streams.js';
import { IncomingFlows } from '../../packages/server/src/data/worker/incoming-flows.js';
import { LinkTable } from '../../packages/server/src/data/worker/link-table.js';
import { MemoryStorage } from '../../packages/server/src/data/worker/memory-storage.conformance.js';
import { RateMemory } from '../../packages/server/src/data/worker/rate-memory.js';
import type { SendJob } from '../../packages/server/src/data/worker/send-job.js';
import { SlotPool } from '../../packages/server/src/data/worker/slot-pool.js';
import { UdpMemory } from '../../packages/server/src/data/worker/udp-memory.js';
import type { WorkerContext } from '../../packages/server/src/data/worker/worker-context.js';
import type {
  DataWorkerOptions,
  FromWorker,
} from '../../packages/server/src/data/worker/worker-messages.js';
import { SLOT_BYTES } from '../../packages/server/src/storage/storage.js';
import { TimedStorage } from './timed-storage.js';

const SLOTS = 64;
const KEY_EPOCH_SHIFT = 24;
/** Shortest time between two turns of a loop; a data worker isn't woken for each packet either. */
const TURN_US = 500;
const HANDSHAKE_US = 1500;
const DISK_BYTES_PER_US = 200;

const ACCEPTED = { accepted: true, root: '/', components: [], owner: 'me' } as const;

/** Packets over streams, counted. */
class CountedStreams extends StreamPacketIO {
  /** Payload bytes of data frames, repeated ones included. */
  dataBytesSent = 0;
  /** Packets that came in after one that was sent later. */
  overtaken = 0;
  readonly #newest = new Map<number, number>();
  readonly #frame = newReceivedFrame();

  override sealAndSend(batch: SendBatch): number {
    for (let at = 0; at < batch.count * DESCRIPTOR_WORDS; at += DESCRIPTOR_WORDS) {
      const kind = batch.words[at + 3] ?? 0;
      const type = kind & 0xff;
      if (type === FRAME.data || type === FRAME.dataTrain) this.dataBytesSent += kind >>> 16;
    }
    return super.sealAndSend(batch);
  }

  override receiveAndOpen(waitUs: number): number {
    const count = super.receiveAndOpen(waitUs);
    for (let i = 0; i < count; i += 1) {
      readFrame(this.received, i, this.#frame);
      const { connection, packetNumber } = this.#frame;
      const newest = this.#newest.get(connection) ?? -1;
      if (packetNumber < newest) this.overtaken += 1;
      else this.#newest.set(connection, packetNumber);
    }
    return count;
  }
}

/** Turns of one endpoint. */
interface Loop {
  readonly endpoint: Endpoint;
  readonly spin: SpinCheck;
  /** Packets in and out so far. */
  moved(): number;
  dueAt: number;
  steppedAt: number;
}

/** What a host needs of its world. */
export interface FallbackSurroundings {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  /** Signs receipts; whom the flows belong to is a matter of the stand-in for TLS. */
  readonly identity: DataWorkerOptions['identity'];
  readonly directory: string;
  /** Opens streams to the other host. */
  dial(signal: AbortSignal): Promise<Dialed>;
  /** Lets virtual time stand still until it is released: something real is waited for. */
  hold(): void;
  release(): void;
}

/** @see the head of this file */
export class FallbackHost {
  readonly name: string;
  readonly key: Uint8Array;
  readonly io: SimulatedPacketIO;
  readonly streamIO: CountedStreams;
  readonly memory: MemoryStorage;
  readonly storage: TimedStorage;
  readonly links: LinkTable;
  readonly messages: FromWorker[] = [];
  /** Told what a transfer goes over from now on; null for UDP. */
  onStarted: (path: FlowPath | null) => void = () => undefined;
  readonly #world: FallbackSurroundings;
  readonly #context: WorkerContext;
  readonly #udp: Loop;
  readonly #streams: Loop;
  readonly #incoming: IncomingFlows;

  constructor(
    world: FallbackSurroundings,
    place: { name: string; address: PeerAddress },
    random: Prng,
  ) {
    const { clock, network } = world;
    const arena = new Uint8Array(arenaBytes(SLOTS));
    this.#world = world;
    this.name = place.name;
    this.key = random.bytes(32);
    this.memory = new MemoryStorage({ arena });
    const disk = { clock, random: random.fork(), bytesPerUs: DISK_BYTES_PER_US };
    this.storage = new TimedStorage(this.memory, disk, () => world.hold());
    this.io = new SimulatedPacketIO(network, place.address, {
      name: place.name,
      arena,
      keyEpochShift: KEY_EPOCH_SHIFT,
      random: random.fork(),
      arrived: () => wake(this.#udp, clock),
    });
    this.streamIO = new CountedStreams({
      arena,
      keyEpochShift: KEY_EPOCH_SHIFT,
      lost: (peer, reason) => this.#streams.endpoint.lose(peer, reason),
    });
    const endpoints = this.#openEndpoints(arena, random);
    this.#udp = this.#newLoop(endpoints.udp, () => {
      const { packetsSent, packetsReceived } = this.io.counters;
      return packetsSent + packetsReceived;
    });
    this.#streams = this.#newLoop(endpoints.streams, () => {
      const { packetsSent, packetsReceived } = this.streamIO.stats();
      return packetsSent + packetsReceived;
    });
    this.#context = this.#newContext(arena);
    this.#incoming = new IncomingFlows({
      context: this.#context,
      decide: () => Promise.resolve(ACCEPTED),
      rateMax: () => Infinity,
    });
    this.links = new LinkTable(this.#context, {
      started: (_job, _peer, path) => this.onStarted(path),
      ended: (job, end) => this.#ended(job, end),
      peerChanged: () => undefined,
    });
  }

  get dueAt(): number {
    return Math.min(turnAt(this.#udp), turnAt(this.#streams));
  }

  /** What is still in use; empty once everything has been let go of. */
  get leftovers(): string[] {
    const { sendSlots, receiveSlots } = this.#context;
    const counts = {
      'flows over UDP': this.#udp.endpoint.flowCount,
      'flows over streams': this.#streams.endpoint.flowCount,
      'connections over UDP': this.io.connectionCount,
      carriers: this.streamIO.carrierCount,
      'slots to send': sendSlots.size - sendSlots.freeCount,
      'slots to receive': receiveSlots.size - receiveSlots.freeCount,
      'incoming flows': this.#incoming.size,
      links: [...this.links.values()].length,
    };
    return Object.entries(counts).flatMap(([what, count]) =>
      count === 0 ? [] : [`${this.name}: ${count} ${what}`],
    );
  }

  /** Gives what somebody has dialled to the endpoint for streams. */
  take(carrier: StreamCarrier): void {
    this.streamIO.add(carrier);
  }

  /** Runs what is due. */
  step(): void {
    const { now } = this.#world.clock;
    for (const loop of [this.#udp, this.#streams]) if (turnAt(loop) <= now) this.#turn(loop);
  }

  #turn(loop: Loop): void {
    const { clock } = this.#world;
    const { now } = clock;
    loop.dueAt = Infinity;
    loop.steppedAt = now;
    const before = loop.moved();
    const stepAt = loop.endpoint.step(() => now, 0);
    const deadline = Math.min(stepAt, this.links.tick());
    loop.spin.note({ now, deadline, moved: loop.moved() !== before || this.io.waiting > 0 });
    loop.dueAt = Math.min(loop.dueAt, deadline);
    if (this.io.waiting > 0) wake(this.#udp, clock);
    this.streamIO.watch(() => wake(this.#streams, clock));
  }

  #newLoop(endpoint: Endpoint, moved: () => number): Loop {
    return { endpoint, spin: new SpinCheck(), moved, dueAt: 0, steppedAt: -Infinity };
  }

  #openEndpoints(arena: Uint8Array, random: Prng): { udp: Endpoint; streams: Endpoint } {
    const { clock } = this.#world;
    const shared = {
      arena,
      keyEpochShift: KEY_EPOCH_SHIFT,
      minCipher: 2,
      openSecureChannel: fakeSecureChannels({
        key: this.key,
        random: random.fork(),
        defer: (callback) => clock.schedule(clock.now + HANDSHAKE_US, callback),
      }),
      random: () => random.next(),
      cookieFor: () => this.key.subarray(0, 16),
    };
    const io = this.streamIO;
    return {
      udp: new Endpoint({
        ...shared,
        io: this.io,
        scratchOffset: 0,
        payloadBytesMax: () => 1424,
        accept: (peer) => this.#incoming.add(peer),
        wake: () => wake(this.#udp, clock),
      }),
      streams: new Endpoint({
        ...shared,
        io,
        scratchOffset: ENDPOINT_SCRATCH_BYTES,
        accept: ({ address, key }) =>
          this.#incoming.add({ address: io.remoteOf(address) ?? address, key }),
        streamRoom: (peer) => io.roomFor(peer),
        wake: () => wake(this.#streams, clock),
      }),
    };
  }

  #newContext(arena: Uint8Array): WorkerContext {
    const world = this.#world;
    const { clock } = world;
    const slots = { slotBytes: SLOT_BYTES, count: SLOTS };
    const start = 2 * ENDPOINT_SCRATCH_BYTES;
    return {
      options: this.#workerOptions(),
      endpoint: this.#udp.endpoint,
      streams: {
        endpoint: this.#streams.endpoint,
        dial: (_target, signal): Promise<Dialed> => world.dial(signal),
        use: (carrier) => this.streamIO.add(carrier),
      },
      udpMemory: new UdpMemory(),
      storage: this.storage,
      arena,
      sendSlots: new SlotPool({ start, ...slots }),
      receiveSlots: new SlotPool({ start: start + SLOTS * SLOT_BYTES, ...slots }),
      rates: new RateMemory(),
      now: () => clock.now,
      post: (message) => {
        this.messages.push(message);
        if (message.type === 'receiveEnded') world.release();
      },
      wake: () => {
        wake(this.#udp, clock);
        wake(this.#streams, clock);
      },
      after: (ms, run) => {
        let cancelled = false;
        clock.schedule(clock.now + ms * 1000, () => {
          if (!cancelled) run();
        });
        return () => {
          cancelled = true;
        };
      },
    };
  }

  #workerOptions(): DataWorkerOptions {
    const { directory, identity } = this.#world;
    return {
      address: '',
      port: 0,
      dataPath: 'dgram',
      tcpFallback: true,
      identity,
      serverId: this.name,
      serverUid: this.name,
      minCipher: 2,
      fixedLossMax: 0.5,
      agentBroker: null,
      journalDir: `${directory}/${this.name}`,
      receiptDir: `${directory}/${this.name}`,
      slots: SLOTS,
      keyEpochShift: KEY_EPOCH_SHIFT,
    };
  }

  #ended(job: SendJob, end: Parameters<ConstructorParameters<typeof LinkTable>[1]['ended']>[1]) {
    const { transferId } = job.order;
    if (end.kind === 'complete') {
      const outcome = { kind: 'complete', fileErrors: end.errors, receiptPath: '' } as const;
      this.messages.push({ type: 'sendEnded', transferId, outcome });
      return;
    }
    const { code, message } = end.error;
    const outcome = { kind: end.kind, code, message };
    this.messages.push({ type: 'sendEnded', transferId, outcome });
  }
}

const turnAt = (loop: Loop): number => Math.max(loop.dueAt, loop.steppedAt + TURN_US);

const wake = (loop: Loop, clock: VirtualClock): void => {
  loop.dueAt = Math.min(loop.dueAt, clock.now);
};
