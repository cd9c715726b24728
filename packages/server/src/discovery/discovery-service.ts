/**
 * Discovery: one server gives out an id of 128 random bits, another sends it in a UDP packet from
 * its data port, and the first reports the address and port that the packet came from. An id is
 * good for one packet; whoever can guess it could only put a wrong address into an answer.
 */
import { CommandError } from '@jetstream/contract';
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { DataPlane } from '../data/data-plane.js';

/** Discovery ids that may be waited for at once. */
export const DISCOVERIES_WAITING_MAX = 1000;
/** Wait when the caller names none. */
export const DISCOVERY_TIMEOUT_SECONDS = 30;
/** Packets sent for one call, because any of them may be lost. */
export const DISCOVERY_PACKETS = 5;
const DISCOVERY_PAUSE_MS = 60;
const ID_BYTES = 16;

/** Where a discovery packet came from. */
export interface DiscoveredAddress {
  readonly address: string;
  readonly port: number;
}

export interface DiscoveryServiceOptions {
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Buffer;
}

interface Waiting {
  readonly resolve: (from: DiscoveredAddress) => void;
}

type DiscoveryPlane = Pick<DataPlane, 'expectDiscovery' | 'dropDiscovery' | 'sendDiscovery'>;

/** @see the head of this file */
export class DiscoveryService {
  readonly #options: DiscoveryServiceOptions;
  readonly #waiting = new Map<string, Waiting>();
  #plane: DiscoveryPlane | null = null;

  constructor(options: DiscoveryServiceOptions) {
    this.#options = options;
  }

  /** Packets can be sent and expected from now on. */
  start(plane: DiscoveryPlane): void {
    this.#plane = plane;
  }

  /**
   * Gives out an id and waits for its packet.
   *
   * @returns The id at once; `address` resolves with the packet, or fails with `timeout`.
   * @throws {CommandError} `too_many_requests`
   */
  expect(): { discoverId: string; address(wait: DiscoveryWait): Promise<DiscoveredAddress> } {
    if (this.#waiting.size >= DISCOVERIES_WAITING_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot wait for a discovery packet: ${this.#waiting.size} are waited for, expected fewer`,
      );
    }
    const discoverId = this.#options.randomBytes(ID_BYTES).toString('hex');
    let resolve: Waiting['resolve'] = () => {};
    const arrived = new Promise<DiscoveredAddress>((done) => {
      resolve = done;
    });
    this.#waiting.set(discoverId, { resolve });
    this.#plane?.expectDiscovery(discoverId);
    return { discoverId, address: (wait) => this.#await(discoverId, arrived, wait) };
  }

  /** An expected packet has come in. */
  discovered(discoverId: string, from: DiscoveredAddress): void {
    this.#waiting.get(discoverId)?.resolve(from);
    this.#waiting.delete(discoverId);
  }

  /** Sends several packets from the data port. @throws {CommandError} `destination_unreachable` */
  async send(discoverId: string, peer: DiscoveredAddress, signal: AbortSignal): Promise<void> {
    for (let sent = 0; sent < DISCOVERY_PACKETS; sent += 1) {
      signal.throwIfAborted();
      if (sent > 0) await this.#pause(DISCOVERY_PAUSE_MS);
      await this.#plane?.sendDiscovery(discoverId, peer);
    }
  }

  async #await(
    discoverId: string,
    arrived: Promise<DiscoveredAddress>,
    wait: DiscoveryWait,
  ): Promise<DiscoveredAddress> {
    let timer: Timer | null = null;
    let abort: () => void = () => {};
    const over = new Promise<never>((_resolve, reject) => {
      const seconds = wait.timeoutSeconds;
      timer = this.#options.clock.after(seconds * 1000, () =>
        reject(
          new CommandError(
            'timeout',
            `Cannot discover an address: no packet came within ${seconds} s, expected one`,
          ),
        ),
      );
      abort = () => reject(new CommandError('cancelled', 'The request was cancelled'));
      wait.signal.addEventListener('abort', abort, { once: true });
    });
    try {
      return await Promise.race([arrived, over]);
    } finally {
      (timer as Timer | null)?.cancel();
      wait.signal.removeEventListener('abort', abort);
      this.#waiting.delete(discoverId);
      this.#plane?.dropDiscovery(discoverId);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(ms, resolve);
    });
  }
}

/** How long to wait, and what ends the wait. */
export interface DiscoveryWait {
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}
