/** One transfer over one link, for tuning the congestion control: seconds of wall time a run. */
import type { Flow } from '@jetstream/transport';
import { CHUNK_BYTES } from './chunk-content.js';
import type { LinkOptions } from './simulated-link.js';
import { SimulatedWorld } from './simulated-world.js';

/** A link and an amount. Loss is per direction. */
export interface Profile {
  readonly rttMs: number;
  readonly lossPercent: number;
  readonly rateMbps: number;
  readonly queueMs: number;
  readonly bytes: number;
  readonly seed: number;
  /** Mean run of lost packets; default 1. */
  readonly burstPackets?: number;
  /** Anything else about both directions. */
  readonly link?: Partial<LinkOptions>;
  /** Rate known from an earlier flow. */
  readonly rateHintMbps?: number;
  readonly rateMaxMbps?: number;
  /** Called every `sampleMs` (default 100) with the sender's flow. */
  readonly sample?: (sample: ProfileSample) => void;
  readonly sampleMs?: number;
  /** Arena slots for each direction; default as many as the path and its losses need. */
  readonly slots?: number;
  /** Virtual time after which the run is given up; default 600. */
  readonly secondsMax?: number;
  /** Changes the link or the like at a time; called once, before the start. */
  readonly prepare?: (world: SimulatedWorld) => void;
}

/** The sender at one moment. */
export interface ProfileSample {
  readonly ms: number;
  readonly mode: string;
  readonly bandwidthMbps: number;
  readonly pacingMbps: number;
  readonly windowBytes: number;
  readonly bytesInFlight: number;
  readonly rttMs: number;
  readonly minRttMs: number;
  readonly ownLoss: number;
  readonly deliveredBytes: number;
  readonly droppedQueue: number;
}

/** What came out. */
export interface ProfileResult {
  /** From the first handshake packet to the receiver's confirmation; -1 if it never came. */
  readonly seconds: number;
  readonly goodputMbps: number;
  /** Data bytes sent beyond the content, as a share of it. */
  readonly resentShare: number;
  /** Share of packets dropped by the bottleneck's queue. */
  readonly queueDropShare: number;
  readonly meanQueueMs: number;
  readonly maxQueueMs: number;
  /** Chunks held at most: sender's, receiver's. */
  readonly slotsMost: readonly [number, number];
}

const mbps = (bytesPerUs: number): number => bytesPerUs * 8;

/** Runs one transfer from `a` to `b`. */
export const runProfile = (profile: Profile): ProfileResult => {
  const world = new SimulatedWorld(profile.seed);
  const rate = profile.rateMbps === 0 ? 1000 : profile.rateMbps;
  const product = (rate / 8) * (profile.rttMs * 1000 + profile.queueMs * 1000);
  const slots = profile.slots ?? Math.min(2000, 64 + Math.ceil((product * 4) / CHUNK_BYTES));
  const options = { slots, sendSlots: slots, openMax: slots };
  const a = world.addHost('a', options);
  const b = world.addHost('b', options);
  world.network.setPath('a', 'b', {
    delayUs: profile.rttMs * 500,
    rateMbps: profile.rateMbps,
    queueUs: profile.queueMs * 1000,
    loss: profile.lossPercent / 100,
    burstPackets: profile.burstPackets ?? 1,
    ...profile.link,
  });
  profile.prepare?.(world);
  const transfer = { channel: 1, totalBytes: profile.bytes, seed: profile.seed };
  const dial = a.connect(b, {
    transfers: [transfer],
    ...(profile.rateHintMbps === undefined ? {} : { rateHintMbps: profile.rateHintMbps }),
    ...(profile.rateMaxMbps === undefined ? {} : { rateMaxMbps: profile.rateMaxMbps }),
  });
  startSampling(world, profile, () => dial.session?.flow ?? null);
  const over = () => dial.completeAt >= 0 || dial.failure !== null || dial.session?.end != null;
  world.run(over, { untilUs: (profile.secondsMax ?? 600) * 1e6, stepsMax: 20_000_000 });
  const { counters } = world.network.link('a', 'b');
  const seconds = dial.completeAt < 0 ? -1 : (dial.completeAt - dial.startedAt) / 1e6;
  const wireBytes = profile.bytes + 32 * Math.ceil(profile.bytes / CHUNK_BYTES);
  return {
    seconds,
    goodputMbps: seconds < 0 ? 0 : (profile.bytes * 8) / 1e6 / seconds,
    resentShare: a.io.counters.dataBytesSent / wireBytes - 1,
    queueDropShare: counters.droppedQueue / counters.packets,
    meanQueueMs: counters.queueUsSum / 1000 / Math.max(1, counters.packets),
    maxQueueMs: counters.queueUsMax / 1000,
    slotsMost: [a.slots.most, b.slots.most],
  };
};

const startSampling = (
  world: SimulatedWorld,
  profile: Profile,
  flowNow: () => Flow | null,
): void => {
  const { sample } = profile;
  if (sample === undefined) return;
  const everyUs = (profile.sampleMs ?? 100) * 1000;
  const link = world.network.link('a', 'b');
  const take = () => {
    const flow = flowNow();
    if (flow?.closed === true) return;
    if (flow !== null) {
      sample({
        ms: world.clock.now / 1000,
        mode: flow.rate.mode,
        bandwidthMbps: mbps(flow.rate.bandwidth),
        pacingMbps: mbps(flow.rate.pacingRate),
        windowBytes: flow.rate.window,
        bytesInFlight: flow.bytesInFlight,
        rttMs: flow.rate.smoothedRttUs / 1000,
        minRttMs: flow.rate.minRttUs / 1000,
        ownLoss: flow.rate.ownLoss,
        deliveredBytes: world.hosts[1]?.sessions[0]?.receiver.contentBytes ?? 0,
        droppedQueue: link.counters.droppedQueue,
      });
    }
    world.clock.schedule(world.clock.now + everyUs, take);
  };
  take();
};
