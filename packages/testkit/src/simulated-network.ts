/**
 * Hosts joined by links. A host is known by its name, and reached at the address that it has at the
 * moment: changing the address is what a NAT does when it forgets a mapping.
 */
import type { PeerAddress } from '@jetstream/transport';
import type { Prng } from './prng.js';
import { type Datagram, type LinkOptions, SimulatedLink } from './simulated-link.js';
import type { VirtualClock } from './virtual-clock.js';

const texts = new WeakMap<PeerAddress, string>();

/** One text per address. */
export const addressText = (address: PeerAddress): string => {
  let text = texts.get(address);
  if (text === undefined) {
    text = `${address.address} ${address.port}`;
    texts.set(address, text);
  }
  return text;
};

interface Attachment {
  readonly name: string;
  readonly receive: (datagram: Datagram) => void;
  address: PeerAddress;
}

/** Sees every packet. */
export interface NetworkObserver {
  /** A host has sent a packet; no link has touched it yet. */
  sent(from: string, datagram: Datagram): void;
  /** A packet is in front of a host. */
  arrived(to: string, datagram: Datagram): void;
}

/** Hosts and the links between them. */
export class SimulatedNetwork {
  readonly clock: VirtualClock;
  readonly #random: Prng;
  readonly #hosts = new Map<string, Attachment>();
  readonly #nameByAddress = new Map<string, string>();
  readonly #links = new Map<string, SimulatedLink>();
  readonly #observers: NetworkObserver[] = [];

  constructor(clock: VirtualClock, random: Prng) {
    this.clock = clock;
    this.#random = random;
  }

  /** Connects a host. */
  attach(name: string, address: PeerAddress, receive: (datagram: Datagram) => void): void {
    this.#hosts.set(name, { name, address, receive });
    this.#nameByAddress.set(addressText(address), name);
  }

  /** Present address of a host. */
  addressOf(name: string): PeerAddress {
    return this.#host(name).address;
  }

  /** Gives a host another address; what is still under way to the old one is lost. */
  rebind(name: string, address: PeerAddress): void {
    const host = this.#host(name);
    this.#nameByAddress.delete(addressText(host.address));
    host.address = address;
    this.#nameByAddress.set(addressText(address), name);
  }

  /** The link of one direction, made with defaults when it is first asked for. */
  link(from: string, to: string): SimulatedLink {
    const key = `${from} ${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = new SimulatedLink(this.clock, this.#random.fork());
      this.#links.set(key, link);
    }
    return link;
  }

  /** Changes both directions between two hosts. */
  setPath(a: string, b: string, changes: Partial<LinkOptions>): void {
    this.link(a, b).set(changes);
    this.link(b, a).set(changes);
  }

  /** Lets several pairs of hosts share one link. */
  shareLink(from: string, to: string, link: SimulatedLink): void {
    this.#links.set(`${from} ${to}`, link);
  }

  observe(observer: NetworkObserver): void {
    this.#observers.push(observer);
  }

  /** Sends a packet of a host; to an address that nobody has, it vanishes. */
  send(from: string, to: PeerAddress, packet: Pick<Datagram, 'bytes' | 'clear' | 'sealed'>): void {
    const datagram: Datagram = { ...packet, from: this.#host(from).address, to };
    for (const observer of this.#observers) observer.sent(from, datagram);
    const name = this.#nameByAddress.get(addressText(to));
    if (name === undefined) return;
    this.link(from, name).send(datagram, (arrived) => this.#arrive(arrived));
  }

  /** Lets a packet with any sender's address appear in front of its target at once. */
  inject(from: PeerAddress, to: PeerAddress, clear: Uint8Array): void {
    this.#arrive({ from, to, bytes: clear.length, clear, sealed: null });
  }

  /** Lets a packet that was seen before appear in front of its target again, from any address. */
  injectAgain(datagram: Datagram, from: PeerAddress = datagram.from): void {
    this.#arrive({ ...datagram, from });
  }

  #arrive(datagram: Datagram): void {
    const name = this.#nameByAddress.get(addressText(datagram.to));
    if (name === undefined) return;
    for (const observer of this.#observers) observer.arrived(name, datagram);
    this.#host(name).receive(datagram);
  }

  #host(name: string): Attachment {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`Cannot find host "${name}", expected an attached one`);
    return host;
  }
}
