/** An attacker on the path: he sees every packet, and sends what he makes of them from anywhere. */
import type { Datagram, Prng, SimulatedWorld } from '@jetstream/testkit';
import type { PeerAddress } from '@jetstream/transport';

/** What an attacker may do with a captured packet; null when it comes to nothing. */
type Attack = (random: Prng, captured: readonly Datagram[]) => Datagram | null;

const pick = (random: Prng, captured: readonly Datagram[]): Datagram =>
  captured[random.below(captured.length)] as Datagram;

const withClear = (datagram: Datagram, clear: Uint8Array): Datagram => ({
  ...datagram,
  clear,
  bytes: Math.max(1, clear.length),
});

const replayed: Attack = pick;

const truncated: Attack = (random, captured) => {
  const datagram = pick(random, captured);
  const { clear, sealed } = datagram;
  if (clear !== null) return withClear(datagram, clear.slice(0, 1 + random.below(clear.length)));
  // Whatever is cut off a sealed packet, its tag does not fit: no key opens it.
  return sealed === null
    ? null
    : { ...datagram, sealed: { ...sealed, keyIdentity: random.next() } };
};

const flipped: Attack = (random, captured) => {
  const datagram = pick(random, captured);
  const { clear, sealed } = datagram;
  if (sealed !== null) {
    const { numberLow } = sealed;
    const forged = { numberLow: numberLow ^ (1 << random.below(32)), keyIdentity: random.next() };
    return { ...datagram, sealed: { ...sealed, ...forged } };
  }
  if (clear === null) return null;
  const copy = clear.slice();
  for (let i = 1 + random.below(4); i > 0; i -= 1) {
    // Mostly in the header, where the meaning is.
    const at = random.below(random.chance(0.7) ? Math.min(40, copy.length) : copy.length);
    copy[at] = (copy[at] as number) ^ (1 + random.below(255));
  }
  return withClear(datagram, copy);
};

const spliced: Attack = (random, captured) => {
  const readable = captured.filter(({ clear }) => clear !== null);
  const [first, second] = [pick(random, readable), pick(random, readable)];
  if (first?.clear == null || second?.clear == null) return null;
  const at = random.below(Math.min(first.clear.length, second.clear.length));
  const joined = new Uint8Array([...first.clear.slice(0, at), ...second.clear.slice(at)]);
  return withClear(first, joined);
};

export const ATTACKS = { replayed, truncated, flipped, spliced } as const;

export type AttackName = keyof typeof ATTACKS;

const sources = (random: Prng, datagram: Datagram): PeerAddress => {
  const way = random.below(3);
  if (way === 0) return datagram.from;
  if (way === 1) return { address: `198.51.100.${random.below(4)}`, port: 1 + random.below(3) };
  return { address: datagram.from.address, port: 1 + random.below(60_000) };
};

/** Packets from the true address that change what TLS reads break a handshake, as on any path. */
const harmless = (datagram: Datagram, from: PeerAddress, made: string): boolean =>
  made === 'replayed' || datagram.sealed !== null || from !== datagram.from;

/** What an attacker does, and from where. */
export interface AttackPlan {
  readonly names: readonly AttackName[];
  /** Changed handshake packets come from the true addresses too, and may break a handshake. */
  readonly breaks?: boolean;
}

/** Lets an attacker see every packet and send what he makes of them. @returns How many he sent. */
export const attack = (
  world: SimulatedWorld,
  random: Prng,
  { names, breaks = false }: AttackPlan,
): (() => number) => {
  const captured: Datagram[] = [];
  let count = 0;
  world.network.observe({
    sent: (_from, datagram) => {
      if (captured.length < 4000) captured.push(datagram);
      if (!random.chance(0.2)) return;
      const name = names[random.below(names.length)] as AttackName;
      const made = ATTACKS[name](random, captured);
      if (made === null) return;
      const from = sources(random, made);
      if (!breaks && !harmless(made, from, name)) return;
      count += 1;
      const at = world.clock.now + random.below(80_000);
      world.clock.schedule(at, () => world.network.injectAgain(made, from));
    },
    arrived: () => undefined,
  });
  return () => count;
};
