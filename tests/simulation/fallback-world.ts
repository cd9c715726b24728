/**
 * Two servers, a sender and a receiver, joined by a UDP path and by TCP connections. The world jumps
 * from event to event; at each it waits for promises and streams of the moment to come to rest.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AmplificationCheck,
  type LinkOptions,
  Prng,
  SimulatedNetwork,
  VirtualClock,
} from '@jetstream/testkit';
import { StreamCarrier } from '@jetstream/udp';
import { openIdentity } from '../../packages/server/src/adapters/tls/identity.js';
import {
  type Dialed,
  STREAMS_PER_FLOW,
} from '../../packages/server/src/data/worker/dial-streams.js';
import { FallbackHost, type FallbackSurroundings } from './fallback-host.js';
import { PATH } from './scenario.js';
import { type SimulatedStream, SimulatedStreams, type StreamPath } from './simulated-streams.js';

/** TCP, TLS and the hello each take a round trip. */
const DIAL_ROUND_TRIPS = 3;
/** Between two first packets of TCP. */
const KNOCK_US = 1_000_000;
/** As `dialStreams` gives up. */
const DIAL_US_MAX = 5_000_000;
/** Turns of the event loop after which nothing of a moment is left to do. */
const REST_TURNS = 2;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What differs from two usual paths. */
export interface WorldOptions {
  readonly udp?: Partial<LinkOptions>;
  readonly tcp?: Partial<StreamPath>;
  /** How many of the streams of a dial can be opened; all when absent. */
  readonly streamsOpened?: number;
}

export class FallbackWorld implements FallbackSurroundings {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly directory = mkdtempSync(join(tmpdir(), 'jetstream-simulation-'));
  readonly identity = openIdentity({
    stateDir: this.directory,
    hostName: 'simulated.example',
    serverUid: '5eed',
    nowMs: Date.UTC(2030, 0, 2),
  });
  readonly sender: FallbackHost;
  readonly receiver: FallbackHost;
  /** Connections of each dial. */
  readonly dials: SimulatedStream[][] = [];
  /** Whether connections to the control port are answered. */
  tcpPasses = true;
  readonly #seed: number;
  readonly #options: WorldOptions;
  readonly #streams: SimulatedStreams;
  #holds = 0;

  constructor(seed: number, options: WorldOptions) {
    const random = new Prng(seed);
    this.#seed = seed;
    this.#options = options;
    this.network = new SimulatedNetwork(this.clock, random.fork());
    this.#streams = new SimulatedStreams(this.clock, random.fork(), options.tcp ?? {});
    const host = (name: string, address: string): FallbackHost =>
      new FallbackHost(this, { name, address: { address, port: 8886 } }, random.fork());
    this.sender = host('a', '10.0.0.1');
    this.receiver = host('b', '10.0.0.2');
    this.network.setPath('a', 'b', { ...PATH, ...options.udp });
    const amplification = new AmplificationCheck();
    amplification.expect('a', this.network.addressOf('b'));
    this.network.observe(amplification);
  }

  /** Opens streams from the sender to the receiver. */
  dial(signal: AbortSignal): Promise<Dialed> {
    const { clock } = this;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      const later = (us: number, run: () => void): void =>
        clock.schedule(clock.now + us, () => {
          if (!signal.aborted) run();
        });
      const open = (): void => resolve({ carrier: this.#openCarriers(), congestion: 'bbr' });
      const knock = (waitedUs: number): void => {
        if (this.tcpPasses) later(DIAL_ROUND_TRIPS * 2 * this.#streams.delayUs, open);
        else if (waitedUs >= DIAL_US_MAX) reject(new Error('no answer within 5 s'));
        else later(KNOCK_US, () => knock(waitedUs + KNOCK_US));
      };
      knock(0);
    });
  }

  /** Runs until `done` holds. @returns False when the time was used up before. */
  async run(done: () => boolean, untilUs: number): Promise<boolean> {
    const { clock, sender, receiver } = this;
    try {
      for (;;) {
        await this.#rest();
        if (done()) return true;
        const at = Math.min(clock.nextAt, sender.dueAt, receiver.dueAt);
        if (at > untilUs) {
          clock.runUntil(untilUs);
          return done();
        }
        clock.runUntil(at);
        for (const host of [sender, receiver]) host.step();
      }
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Seed ${this.#seed}, ${clock.now} us: ${text}`, { cause });
    }
  }

  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds = Math.max(0, this.#holds - 1);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #rest(): Promise<void> {
    for (let i = 0; i < REST_TURNS || this.#holds > 0; i += 1) await turn();
  }

  #openCarriers(): StreamCarrier {
    const count = this.#options.streamsOpened ?? STREAMS_PER_FLOW;
    const streams = Array.from({ length: count }, () => this.#streams.open());
    this.dials.push(streams);
    const near = new StreamCarrier({ address: '10.0.0.2', port: 8886 });
    const far = new StreamCarrier({ address: '10.0.0.1', port: 40_000 });
    for (const stream of streams) {
      near.join(stream.near);
      far.join(stream.far);
    }
    this.receiver.take(far);
    return near;
  }
}
