/**
 * What must hold at every step of every run. Each check throws, so that a run stops at the moment
 * when something goes wrong.
 */
import {
  FRAME,
  HEADER_BYTES,
  PACKET_CLASS,
  type PeerAddress,
  WIRE_VERSION,
} from '@jetstream/transport';
import type { Datagram } from './simulated-link.js';
import { addressText, type NetworkObserver } from './simulated-network.js';

/** Offsets of fields in a clear datagram: destination id, and length of the cookie. */
const DESTINATION_AT = 4;
const COOKIE_LENGTH_AT = HEADER_BYTES + 13;
const AMPLIFICATION_MAX = 3;

/** Only who has read what was sent to an address can name our connection, or echo a challenge. */
const provesAddress = (datagram: Datagram): boolean => {
  const { clear, sealed } = datagram;
  if (clear === null) return sealed !== null && (sealed.kind & 0xff) === FRAME.response;
  if (clear.length <= COOKIE_LENGTH_AT) return false;
  if (clear[0] !== (PACKET_CLASS.clear | (WIRE_VERSION << 4))) return false;
  const addressed = clear.slice(DESTINATION_AT, DESTINATION_AT + 4).some((byte) => byte !== 0);
  return addressed || clear[COOKIE_LENGTH_AT] !== 0;
};

/** Bytes between a host and an address. */
interface AddressBalance {
  received: number;
  sent: number;
  proven: boolean;
}

/** Nobody is sent more than three times what he has sent, before his address is proven. */
export class AmplificationCheck implements NetworkObserver {
  readonly #pairs = new Map<string, Map<string, AddressBalance>>();

  /** A host starts a handshake by itself: it may send first. */
  expect(host: string, peer: PeerAddress): void {
    this.#pair(host, peer).proven = true;
  }

  sent(from: string, datagram: Datagram): void {
    const pair = this.#pair(from, datagram.to);
    pair.sent += datagram.bytes;
    if (pair.proven || pair.sent <= AMPLIFICATION_MAX * pair.received) return;
    throw new Error(
      `Host ${from} has sent ${pair.sent} bytes to ${addressText(datagram.to)}, ` +
        `which has sent ${pair.received} and not proven its address`,
    );
  }

  arrived(to: string, datagram: Datagram): void {
    const pair = this.#pair(to, datagram.from);
    pair.received += datagram.bytes;
    if (provesAddress(datagram)) pair.proven = true;
  }

  #pair(host: string, peer: PeerAddress): AddressBalance {
    let peers = this.#pairs.get(host);
    if (peers === undefined) {
      peers = new Map();
      this.#pairs.set(host, peers);
    }
    const key = addressText(peer);
    let pair = peers.get(key);
    if (pair === undefined) {
      pair = { received: 0, sent: 0, proven: false };
      peers.set(key, pair);
    }
    return pair;
  }
}

/** A chunk counts as arrived at the sender only when the receiver has all of it. */
export class DeliveryCheck {
  readonly #received = new Map<number, Set<number>>();

  received(seed: number, chunk: number): void {
    const chunks = this.#received.get(seed) ?? new Set();
    this.#received.set(seed, chunks.add(chunk));
  }

  acked(seed: number, chunk: number): void {
    if (this.#received.get(seed)?.has(chunk) === true) return;
    throw new Error(`Chunk ${chunk} of transfer ${seed} counts as arrived and is not there`);
  }
}

const IDLE_STEPS_MAX = 4;

/** A host must not ask to run again at once when it has nothing to do. */
export class SpinCheck {
  #idleSteps = 0;

  /** @param moved Whether the step has received or sent anything. */
  note(step: { now: number; deadline: number; moved: boolean }): void {
    const idle = !step.moved && step.deadline <= step.now;
    this.#idleSteps = idle ? this.#idleSteps + 1 : 0;
    if (this.#idleSteps <= IDLE_STEPS_MAX) return;
    throw new Error(`A host spins at ${step.now} us: it has nothing to do and asks for no pause`);
  }
}
