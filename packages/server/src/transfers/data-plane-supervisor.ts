/**
 * Keeps a data plane running. When it dies by itself, what it was moving ends as interrupted, so
 * that transfers are tried again, and a new one is started on the same port.
 */

import { closeSync } from 'node:fs';
import { CommandError } from '@jetstream/contract';
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type {
  BandwidthLimits,
  DataPlane,
  DataPlaneEvents,
  IncomingStream,
  ReceiveDecision,
  ReceiveOffer,
  ReceiveOutcome,
  SendOrder,
  SendOutcome,
} from '../data/data-plane.js';
import { retryPauseMs } from './retry-policy.js';

/** Starts one data plane; `port` is the one to bind, `died` is called when it ends by itself. */
export type StartPlane = (
  port: number,
  events: DataPlaneEvents,
  died: (error: Error) => void,
) => Promise<DataPlane>;

export interface SupervisorOptions {
  /** Port to bind at first; 0 lets the system choose, and later starts keep its choice. */
  readonly port: number;
  readonly start: StartPlane;
  readonly events: DataPlaneEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

const DIED = 'The data plane of this server ended unexpectedly';

/** A data plane that comes back. */
export class DataPlaneSupervisor implements DataPlane {
  readonly #options: SupervisorOptions;
  readonly #sending = new Set<string>();
  readonly #receiving = new Set<string>();
  #plane: DataPlane | null = null;
  /** Given to each data plane as soon as it has started. */
  #limits: BandwidthLimits | null = null;
  #first: DataPlane | null = null;
  #restart: Timer | null = null;
  #deaths = 0;
  #isStopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** @throws {Error} If the first data plane cannot be started. */
  async start(): Promise<void> {
    const plane = await this.#open(this.#options.port);
    if (this.#limits !== null) plane.setBandwidthLimits(this.#limits);
    this.#plane = plane;
    this.#first = plane;
  }

  get recvPort(): number {
    return (this.#plane ?? this.#first)?.recvPort ?? this.#options.port;
  }

  get path(): DataPlane['path'] {
    return (this.#plane ?? this.#first)?.path ?? 'dgram';
  }

  get pathReason(): string {
    return (this.#plane ?? this.#first)?.pathReason ?? 'the data plane has not started';
  }

  send(order: SendOrder): void {
    const { transferId } = order;
    this.#sending.add(transferId);
    if (this.#plane !== null) {
      this.#plane.send(order);
      return;
    }
    // Not within the call: the caller has to know the order as running first.
    setImmediate(() => {
      if (this.#sending.has(transferId)) this.#sendEnded(transferId, interruptedSend);
    });
  }

  stopSend(transferId: string, reason: Parameters<DataPlane['stopSend']>[1]): void {
    this.#plane?.stopSend(transferId, reason);
  }

  updateSend(order: SendOrder): void {
    this.#plane?.updateSend(order);
  }

  stopReceive(transferId: string, reason: Parameters<DataPlane['stopReceive']>[1]): void {
    this.#plane?.stopReceive(transferId, reason);
  }

  expectDiscovery(discoverId: string): void {
    this.#plane?.expectDiscovery(discoverId);
  }

  dropDiscovery(discoverId: string): void {
    this.#plane?.dropDiscovery(discoverId);
  }

  async sendDiscovery(discoverId: string, peer: { address: string; port: number }): Promise<void> {
    if (this.#plane === null) throw new CommandError('flow_failed', DIED);
    await this.#plane.sendDiscovery(discoverId, peer);
  }

  takeStream(stream: IncomingStream): void {
    if (this.#plane === null) closeSync(stream.descriptor);
    else this.#plane.takeStream(stream);
  }

  setBandwidthLimits(limits: BandwidthLimits): void {
    this.#limits = limits;
    this.#plane?.setBandwidthLimits(limits);
  }

  async stop(options: { drainMs: number }): Promise<void> {
    this.#isStopping = true;
    this.#restart?.cancel();
    await this.#plane?.stop(options);
    this.#endAll();
  }

  async #open(port: number): Promise<DataPlane> {
    const { start, events } = this.#options;
    let isUp = false;
    const died = (error: Error): void => {
      // Before it is up, the rejection of the start tells; afterwards it dies only once.
      if (!isUp) return;
      isUp = false;
      this.#died(error);
    };
    const plane = await start(
      port,
      {
        sendStarted: (transferId, peer, path) => events.sendStarted(transferId, peer, path),
        sendProgress: (transferId, progress) => {
          this.#deaths = 0;
          events.sendProgress(transferId, progress);
        },
        sendEnded: (transferId, outcome) => this.#sendEnded(transferId, outcome),
        receiveOffered: (offer) => this.#receiveOffered(offer),
        receiveProgress: (transferId, progress) => events.receiveProgress(transferId, progress),
        receiveEnded: (transferId, outcome) => this.#receiveEnded(transferId, outcome),
        discovered: (discoverId, from) => events.discovered(discoverId, from),
        peerChanged: (peer, state) => events.peerChanged(peer, state),
      },
      died,
    );
    isUp = true;
    return plane;
  }

  #died(error: Error): void {
    this.#plane = null;
    if (this.#isStopping) return;
    this.#deaths += 1;
    const pauseMs = retryPauseMs({ failures: this.#deaths, code: null }, 1);
    this.#options.log.error({ err: error, pauseMs }, `${DIED}; it is started again`);
    this.#restart = this.#options.clock.after(pauseMs, () => {
      this.#open(this.recvPort).then(
        (plane) => this.#started(plane),
        (cause: unknown) => this.#died(cause instanceof Error ? cause : new Error(String(cause))),
      );
    });
    this.#endAll();
  }

  #started(plane: DataPlane): void {
    if (this.#isStopping) {
      void plane.stop({ drainMs: 0 });
      return;
    }
    if (this.#limits !== null) plane.setBandwidthLimits(this.#limits);
    this.#plane = plane;
    this.#first = plane;
    this.#options.log.info({ recvPort: plane.recvPort }, 'the data plane runs again');
  }

  #endAll(): void {
    for (const transferId of [...this.#sending]) this.#sendEnded(transferId, interruptedSend);
    for (const transferId of [...this.#receiving]) {
      this.#receiveEnded(transferId, { kind: 'interrupted', message: DIED });
    }
  }

  #sendEnded(transferId: string, outcome: SendOutcome): void {
    if (!this.#sending.delete(transferId)) return;
    this.#options.events.sendEnded(transferId, outcome);
  }

  async #receiveOffered(offer: ReceiveOffer): Promise<ReceiveDecision> {
    const decision = await this.#options.events.receiveOffered(offer);
    if (decision.accepted) this.#receiving.add(offer.transferId);
    return decision;
  }

  #receiveEnded(transferId: string, outcome: ReceiveOutcome): void {
    this.#receiving.delete(transferId);
    this.#options.events.receiveEnded(transferId, outcome);
  }
}

const interruptedSend: SendOutcome = { kind: 'interrupted', code: 'flow_failed', message: DIED };
