/**
 * The data plane's side on the main thread: starts the worker, resolves names, and carries orders
 * and events across the thread border.
 *
 * The worker takes a quarter of a second to load its code. It is prepared before the rest of the
 * server is loaded, so that this happens on another core meanwhile.
 */

import { lookup } from 'node:dns/promises';
import { isIP, SocketAddress } from 'node:net';
import { Worker } from 'node:worker_threads';
import { CommandError } from '@jetstream/contract';
import { agentBroker } from '../adapters/agents/agent-pool.js';
import { ConfigError } from '../config/config-error.js';
import type {
  BandwidthLimits,
  DataPlane,
  DataPlaneEvents,
  IncomingStream,
  SendOrder,
} from './data-plane.js';
import type { DataWorkerOptions, FromWorker, ToWorker } from './worker/worker-messages.js';

/** Chunk slots of a worker each way: 120 MiB, which fills 1 Gbit/s at 500 ms twice over. */
const SLOTS = 480;
const KEY_EPOCH_SHIFT = 24;
const STOP_SLACK_MS = 5000;

export type DataPlaneOptions = Omit<
  DataWorkerOptions,
  'slots' | 'keyEpochShift' | 'agentBroker'
> & {
  readonly slots?: number;
  readonly keyEpochShift?: number;
  log(level: 'info' | 'warn' | 'error', message: string): void;
  /** The worker has died by itself: nothing can be sent or received any more. */
  died(error: Error): void;
};

const MAPPED = '::ffff:';

/** The one of the many texts of an address by which sockets name it. */
export const addressAsNamed = (address: string): string => {
  if (isIP(address) !== 6 || address.includes('%')) return address;
  const text = new SocketAddress({ address, family: 'ipv6' }).address;
  const v4 = text.startsWith(MAPPED) ? text.slice(MAPPED.length) : '';
  return isIP(v4) === 4 ? v4 : text;
};

const resolveAddress = async (name: string): Promise<string> => {
  if (isIP(name) !== 0) return addressAsNamed(name);
  try {
    return (await lookup(name)).address;
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot resolve ${JSON.stringify(name)}: ${detail}`;
    throw new CommandError('destination_unreachable', message, { cause });
  }
};

type Ready = Extract<FromWorker, { type: 'ready' }>;

/** Why a server must not start: the native way was asked for, and there is another one only; else null. */
export const missingWay = (
  dataPath: DataPlaneOptions['dataPath'],
  { path, pathReason }: Pick<Ready, 'path' | 'pathReason'>,
): ConfigError | null => {
  if (dataPath !== 'native' || path === 'native') return null;
  const wanted = 'auto, or an addon that works: npm rebuild @jetstream/udp';
  return new ConfigError('dataPath', `"native" (there is only ${pathReason})`, wanted);
};

/** A data plane whose thread loads its code and waits. */
export interface PreparedDataPlane {
  /** Starts it and waits until its socket is bound; may be called once. */
  start(options: DataPlaneOptions, events: DataPlaneEvents): Promise<DataPlane>;
  /** Ends the thread of one that has not been started, and does nothing to one that has. */
  discard(): Promise<void>;
}

class PreparedWorker implements PreparedDataPlane {
  readonly #worker: Worker;
  /** Why the thread ended before it was started. */
  #failure: Error | null = null;
  #isTaken = false;

  constructor() {
    this.#worker = new Worker(new URL('./worker/data-thread.js', import.meta.url), {
      // Descriptors opened by the addon are its own to close.
      trackUnmanagedFds: false,
    });
    this.#worker.on('error', (error) => {
      this.#failure = error;
    });
    this.#worker.on('exit', (code) => {
      this.#failure ??= new Error(`The data worker ended with code ${code}`);
    });
  }

  async start(options: DataPlaneOptions, events: DataPlaneEvents): Promise<DataPlane> {
    this.#isTaken = true;
    if (this.#failure !== null) throw this.#failure;
    const plane = new WorkerDataPlane(this.#worker, options, events);
    await plane.start();
    return plane;
  }

  async discard(): Promise<void> {
    if (!this.#isTaken) await this.#worker.terminate();
  }
}

class WorkerDataPlane implements DataPlane {
  readonly #worker: Worker;
  readonly #events: DataPlaneEvents;
  readonly #options: DataPlaneOptions;
  /** Orders whose destination's name is being resolved. */
  readonly #resolving = new Map<string, SendOrder>();
  recvPort = 0;
  path: 'native' | 'dgram' = 'dgram';
  pathReason = '';
  #stopped: () => void = () => undefined;
  #stopping = false;

  constructor(worker: Worker, options: DataPlaneOptions, events: DataPlaneEvents) {
    this.#worker = worker;
    this.#options = options;
    this.#events = events;
  }

  start(): Promise<void> {
    const { log: _log, died: _died, ...rest } = this.#options;
    const start: DataWorkerOptions = {
      ...rest,
      slots: rest.slots ?? SLOTS,
      keyEpochShift: rest.keyEpochShift ?? KEY_EPOCH_SHIFT,
      agentBroker: agentBroker(),
    };
    this.#worker.postMessage(start);
    return new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          const missing = missingWay(this.#options.dataPath, message);
          if (missing !== null) {
            this.#stopping = true;
            reject(missing);
            void this.#worker.terminate();
            return;
          }
          this.recvPort = message.port;
          this.path = message.path;
          this.pathReason = message.pathReason;
          resolve();
        } else {
          this.#receive(message);
        }
      });
      this.#worker.on('error', (error) => {
        reject(error);
        if (!this.#stopping) this.#options.died(error);
      });
      this.#worker.on('exit', (code) => {
        this.#stopped();
        reject(new Error(`The data worker ended with code ${code}`));
        if (!this.#stopping) this.#options.died(new Error(`The data worker ended: ${code}`));
      });
    });
  }

  send(order: SendOrder): void {
    this.#resolving.set(order.transferId, order);
    void this.#resolveAndSend(order);
  }

  stopSend(transferId: string, reason: Parameters<DataPlane['stopSend']>[1]): void {
    if (!this.#resolving.delete(transferId)) {
      this.#post({ type: 'stopSend', transferId, reason });
      return;
    }
    const { code, message } = reason;
    setImmediate(() => this.#events.sendEnded(transferId, { kind: 'failed', code, message }));
  }

  updateSend(order: SendOrder): void {
    if (this.#resolving.has(order.transferId)) this.#resolving.set(order.transferId, order);
    else this.#post({ type: 'updateSend', order });
  }

  stopReceive(transferId: string, reason: Parameters<DataPlane['stopReceive']>[1]): void {
    this.#post({ type: 'stopReceive', transferId, reason });
  }

  expectDiscovery(discoverId: string): void {
    this.#post({ type: 'expectDiscovery', discoverId });
  }

  dropDiscovery(discoverId: string): void {
    this.#post({ type: 'dropDiscovery', discoverId });
  }

  async sendDiscovery(discoverId: string, peer: { address: string; port: number }): Promise<void> {
    const address = await resolveAddress(peer.address);
    this.#post({ type: 'sendDiscovery', discoverId, peer: { address, port: peer.port } });
  }

  takeStream(stream: IncomingStream): void {
    this.#post({ type: 'stream', stream });
  }

  setBandwidthLimits(limits: BandwidthLimits): void {
    this.#post({ type: 'limits', limits });
  }

  async stop({ drainMs }: { drainMs: number }): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const stopped = new Promise<void>((resolve) => {
      this.#stopped = resolve;
    });
    this.#post({ type: 'stop', drainMs });
    const limit = new Promise((resolve) => setTimeout(resolve, drainMs + STOP_SLACK_MS).unref());
    await Promise.race([stopped, limit]);
    await this.#worker.terminate();
  }

  async #resolveAndSend({ transferId, destination }: SendOrder): Promise<void> {
    try {
      const ip = await resolveAddress(destination.address);
      const order = this.#resolving.get(transferId);
      if (order !== undefined) this.#post({ type: 'send', order, ip });
    } catch (error) {
      if (!this.#resolving.has(transferId)) return;
      this.#events.sendEnded(transferId, {
        kind: 'interrupted',
        code: 'destination_unreachable',
        message: error instanceof Error ? error.message : String(error),
      });
    } finally {
      this.#resolving.delete(transferId);
    }
  }

  #receive(message: FromWorker): void {
    const events = this.#events;
    switch (message.type) {
      case 'sendStarted':
        events.sendStarted(message.transferId, message.peer, message.path);
        break;
      case 'sendProgress':
        events.sendProgress(message.transferId, message.progress);
        break;
      case 'sendEnded':
        events.sendEnded(message.transferId, message.outcome);
        break;
      case 'offer':
        void this.#decide(message.offerId, message.offer);
        break;
      case 'receiveProgress':
        events.receiveProgress(message.transferId, message.progress);
        break;
      case 'receiveEnded':
        events.receiveEnded(message.transferId, message.outcome);
        break;
      case 'peerChanged':
        events.peerChanged(message.peer, message.state);
        break;
      case 'discovered':
        events.discovered(message.discoverId, message.from);
        break;
      case 'log':
        this.#options.log(message.level, message.message);
        break;
      case 'stopped':
        this.#stopped();
        break;
      case 'ready':
        break;
    }
  }

  async #decide(
    offerId: number,
    offer: Parameters<DataPlaneEvents['receiveOffered']>[0],
  ): Promise<void> {
    try {
      const decision = await this.#events.receiveOffered(offer);
      this.#post({ type: 'decision', offerId, decision });
    } catch (error) {
      this.#options.log('error', `An offer could not be decided: ${String(error)}`);
      const decision = {
        accepted: false,
        code: 'internal',
        message: 'The receiver failed to decide on the offer',
      } as const;
      this.#post({ type: 'decision', offerId, decision });
    }
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

/** Starts the thread of a data plane; what it binds and who it is comes later. */
export const prepareDataPlane = (): PreparedDataPlane => new PreparedWorker();
