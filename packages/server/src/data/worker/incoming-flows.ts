/** What peers send to a data worker: their flows, and which transfer is received over which of them. */
import type { PeerAddress } from '@jetstream/transport';
import { IncomingFlow, type IncomingPorts } from './incoming-flow.js';
import type { ReceiveJob } from './receive-job.js';
import type { WorkerContext } from './worker-context.js';

/** Who has proved to hold a key. */
export interface AcceptedPeer {
  readonly address: PeerAddress;
  readonly key: Uint8Array;
}

export interface IncomingFlowsPorts extends Pick<IncomingPorts, 'decide'> {
  readonly context: WorkerContext;
  /** Most that a flow may send to us now, bytes per microsecond. */
  rateMax(flow: IncomingFlow): number;
}

/** Transfers of two senders may have one id. */
const keyOf = (job: ReceiveJob): string => `${job.peer.publicKey} ${job.transferId}`;

/** @see the head of this file */
export class IncomingFlows implements Iterable<IncomingFlow> {
  readonly #ports: IncomingFlowsPorts;
  readonly #flows = new Set<IncomingFlow>();
  readonly #receiving = new Map<string, ReceiveJob>();

  constructor(ports: IncomingFlowsPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#flows.size;
  }

  [Symbol.iterator](): Iterator<IncomingFlow> {
    return this.#flows[Symbol.iterator]();
  }

  /** Transfers that are under way. */
  get jobs(): Iterable<ReceiveJob> {
    return this.#receiving.values();
  }

  add(peer: AcceptedPeer): IncomingFlow {
    const { context, decide, rateMax } = this.#ports;
    const flow: IncomingFlow = new IncomingFlow(
      {
        context,
        decide,
        claim: (job) => this.#claim(job),
        ended: (job) => {
          if (this.#receiving.get(keyOf(job)) === job) this.#receiving.delete(keyOf(job));
        },
        receivingCount: () => this.#receiving.size,
        rateMax: () => rateMax(flow),
        closed: (closed) => this.#flows.delete(closed),
      },
      peer,
    );
    this.#flows.add(flow);
    return flow;
  }

  /** A sender that was restarted comes back over a new flow while the old one still looks alive. */
  async #claim(job: ReceiveJob): Promise<void> {
    const other = this.#receiving.get(keyOf(job));
    this.#receiving.set(keyOf(job), job);
    if (other === undefined) return;
    other.interrupt('The sender has come back over another flow');
    await other.settled;
  }
}
