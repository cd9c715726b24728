/** Flows of ours and one TCP flow that share a bottleneck, and what each of them gets of it. */
import {
  type LinkOptions,
  type SimulatedHost,
  SimulatedWorld,
  type StallOptions,
} from '@jetstream/testkit';
import type { RatePolicyName } from '@jetstream/transport';
import { TcpRival } from './tcp-rival.js';

/** A shared bottleneck. */
export interface SharedLink {
  readonly seed: number;
  readonly rttMs: number;
  readonly rateMbps: number;
  readonly queueMs: number;
  /** How busy the machines are that our flows run on. */
  readonly stalls?: StallOptions;
  /** Of our flows, one entry each. */
  readonly ours: readonly { readonly policy: RatePolicyName; readonly startSeconds?: number }[];
  readonly rival?: { readonly kind: 'cubic' | 'bbr'; readonly startSeconds?: number };
  /** Shares count from here to the end. */
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** Shares of the link, 0 to 1, and what the queue looked like. */
export interface Shares {
  readonly ours: readonly number[];
  readonly rival: number;
  readonly queueMedianMs: number;
  /** Data that ours sent again. */
  readonly resent: number;
}

const SLOTS = 1024;
const BYTES = 40e9;
const STEPS_MAX = 50_000_000;
const QUEUE_SAMPLE_US = 7000;

interface Pair {
  readonly a: SimulatedHost;
  readonly b: SimulatedHost;
}

/** A pair of hosts for each flow of ours, all behind one bottleneck. */
const startOurs = (
  world: SimulatedWorld,
  shared: SharedLink,
  path: Partial<LinkOptions>,
): Pair[] => {
  const bottleneck = world.network.link('x', 'y');
  bottleneck.set(path);
  const { stalls } = shared;
  return shared.ours.map(({ policy, startSeconds = 0 }, index) => {
    const busy = stalls === undefined ? {} : { stalls };
    const options = { slots: SLOTS, sendSlots: SLOTS, openMax: SLOTS, ...busy };
    const a = world.addHost(`a${index}`, options);
    const b = world.addHost(`b${index}`, options);
    world.network.shareLink(a.name, b.name, bottleneck);
    world.network.link(b.name, a.name).set(path);
    world.clock.schedule(startSeconds * 1e6, () => {
      const transfers = [{ channel: 1, totalBytes: BYTES, seed: shared.seed + index }];
      a.connect(b, { transfers, policy });
    });
    return { a, b };
  });
};

/** Data sent again, as a share of that sent once. */
const resentShare = (pairs: readonly Pair[]): number => {
  const outboxes = pairs.map(({ a }) => a.sessions[0]?.flow.outbox);
  const sent = outboxes.reduce((sum, outbox) => sum + (outbox?.packetsSent ?? 0), 0);
  const again = outboxes.reduce((sum, outbox) => sum + (outbox?.packetsSentAgain ?? 0), 0);
  return again / Math.max(1, sent - again);
};

/** Lets them run, and counts what arrives in the window of time. */
export const runShares = (shared: SharedLink): Shares => {
  const world = new SimulatedWorld(shared.seed);
  const { clock, random } = world;
  const path = {
    delayUs: shared.rttMs * 500,
    rateMbps: shared.rateMbps,
    queueUs: shared.queueMs * 1000,
  };
  const pairs = startOurs(world, shared, path);
  const link = world.network.link('x', 'y');
  let rival: TcpRival | null = null;
  if (shared.rival !== undefined) {
    const { kind, startSeconds = 0 } = shared.rival;
    clock.schedule(startSeconds * 1e6, () => {
      rival = new TcpRival({ kind, clock, random, link, backUs: path.delayUs });
    });
  }
  const rivalBytes = () => rival?.bytes ?? 0;
  const ourBytes = () => pairs.map(({ b }) => b.sessions[0]?.flow.totals.bytesReceived ?? 0);
  const runTo = (seconds: number) =>
    world.run(() => false, { untilUs: seconds * 1e6, stepsMax: STEPS_MAX });
  runTo(shared.fromSeconds);
  const before = { rival: rivalBytes(), ours: ourBytes() };
  const waits: number[] = [];
  const sample = () => {
    waits.push(link.waitUs);
    clock.schedule(clock.now + QUEUE_SAMPLE_US, sample);
  };
  sample();
  runTo(shared.toSeconds);
  const linkBytes = ((shared.toSeconds - shared.fromSeconds) * 1e6 * shared.rateMbps) / 8;
  waits.sort((x, y) => x - y);
  return {
    ours: ourBytes().map((bytes, i) => (bytes - (before.ours[i] ?? 0)) / linkBytes),
    rival: (rivalBytes() - before.rival) / linkBytes,
    queueMedianMs: (waits[waits.length >> 1] ?? 0) / 1000,
    resent: resentShare(pairs),
  };
};
