/**
 * A world of hosts on one virtual clock. It jumps from event to event until a condition holds, and
 * checks its invariants all the way.
 */
import type { PeerAddress } from '@jetstream/transport';
import { AmplificationCheck, DeliveryCheck } from './invariants.js';
import { Prng } from './prng.js';
import { SimulatedHost, type SimulatedHostOptions } from './simulated-host.js';
import { SimulatedNetwork } from './simulated-network.js';
import { VirtualClock } from './virtual-clock.js';

/** Everything that one seed decides. */
export class SimulatedWorld {
  readonly seed: number;
  readonly random: Prng;
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly amplification = new AmplificationCheck();
  readonly delivery = new DeliveryCheck();
  readonly hosts: SimulatedHost[] = [];
  #steps = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Prng(seed);
    this.network = new SimulatedNetwork(this.clock, this.random.fork());
    this.network.observe(this.amplification);
  }

  /** Steps of all hosts so far. */
  get steps(): number {
    return this.#steps;
  }

  addHost(name: string, options: SimulatedHostOptions = {}): SimulatedHost {
    const address: PeerAddress = { address: `10.0.0.${this.hosts.length + 1}`, port: 8886 };
    const host = new SimulatedHost(this, { name, address }, options);
    this.hosts.push(host);
    return host;
  }

  /**
   * Runs until `done` holds.
   *
   * @returns False when the time or the steps were used up before.
   * @throws {Error} When an invariant is broken; its message names the seed.
   */
  run(done: () => boolean, limits: { untilUs: number; stepsMax?: number }): boolean {
    const stepsMax = this.#steps + (limits.stepsMax ?? 5_000_000);
    try {
      while (!done()) {
        if (this.#steps > stepsMax || !this.#advance(limits.untilUs)) return done();
      }
      return true;
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Seed ${this.seed}, ${this.clock.now} us: ${text}`, { cause });
    }
  }

  /** @returns False when nothing is due until then. */
  #advance(untilUs: number): boolean {
    const { clock } = this;
    let hostAt = Infinity;
    for (const host of this.hosts) hostAt = Math.min(hostAt, host.dueAt);
    const at = Math.min(clock.nextAt, hostAt);
    if (at > untilUs) {
      clock.runUntil(untilUs);
      return false;
    }
    clock.runUntil(at);
    for (const host of this.hosts) {
      if (host.dueAt > clock.now) continue;
      host.step();
      this.#steps += 1;
    }
    return true;
  }
}
