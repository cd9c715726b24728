import type { ShareCapOptions } from './share-cap.js';

/**
 * How eagerly a flow takes its part of a path. `fair` shares it, `high` takes about two shares,
 * `background` leaves it to everyone else, `fixed` sends at its ceiling until too much is lost.
 */
export interface RatePolicy {
  /** Factor on the measured rate when probing for more. */
  readonly probeGain: number;
  /** Factor while giving way to a standing queue. */
  readonly yieldGain: number;
  /** Rounds in a row that give way, before the queue counts as someone else's. */
  readonly yieldRounds: number;
  /** A round trip this much longer than the shortest one means a queue: share, and at least. */
  readonly queueShare: number;
  readonly queueMinUs: number;
  /** What it allows itself after losses of a full queue. */
  readonly share: ShareCapOptions;
  /** Whether a standing queue is as good a sign of others as a full one. */
  readonly yieldsShare: boolean;
  /** Longest that a late machine makes up for at once, where queues allow it. */
  readonly lateBurstUs: number;
  /** Sends at the ceiling, whatever the model says, while less than this share is lost; 0 never. */
  readonly fixedLossMax: number;
}

const FAIR_SHARE = { patience: 0, cutTo: 0.85, standsFirm: true } as const;
/**
 * What others gave up in a full queue is theirs to regain, and a TCP flow takes ten seconds for it: so
 * much deeper a cut, and so much slower a way back.
 */
const LAST_SHARE = { patience: 12, cutTo: 0.1, standsFirm: false } as const;

const LATE_BURST_US = 20_000;

export const RATE_POLICY = {
  fair: {
    probeGain: 1.25,
    yieldGain: 0.9,
    yieldRounds: 4,
    queueShare: 0.15,
    queueMinUs: 4000,
    share: FAIR_SHARE,
    yieldsShare: false,
    lateBurstUs: LATE_BURST_US,
    fixedLossMax: 0,
  },
  high: {
    probeGain: 1.4,
    yieldGain: 0.95,
    yieldRounds: 2,
    queueShare: 0.4,
    queueMinUs: 8000,
    share: FAIR_SHARE,
    yieldsShare: false,
    lateBurstUs: LATE_BURST_US,
    fixedLossMax: 0,
  },
  background: {
    probeGain: 1.1,
    yieldGain: 0.6,
    yieldRounds: Number.POSITIVE_INFINITY,
    queueShare: 0.05,
    queueMinUs: 2000,
    share: LAST_SHARE,
    yieldsShare: true,
    lateBurstUs: 0,
    fixedLossMax: 0,
  },
  fixed: {
    probeGain: 1.25,
    yieldGain: 0.9,
    yieldRounds: 4,
    queueShare: 0.15,
    queueMinUs: 4000,
    share: FAIR_SHARE,
    yieldsShare: false,
    lateBurstUs: LATE_BURST_US,
    fixedLossMax: 0.5,
  },
} as const satisfies Record<string, RatePolicy>;

export type RatePolicyName = keyof typeof RATE_POLICY;

/** Packets of a round trip whose fate is known. */
export interface RoundCounts {
  readonly resolved: number;
  readonly lost: number;
}

/** What a rate controller starts from. */
export interface RateControllerOptions {
  /** From the handshake, in microseconds. */
  readonly rttUs: number;
  readonly packetBytes: number;
  /** Ceiling in bytes per microsecond; Infinity for none. */
  readonly rateMax: number;
  /** What an earlier flow delivered, bytes per microsecond: counts as timed trains; 0 for none. */
  readonly rateHint: number;
  readonly now: number;
  /** How to share the path; fair when absent. */
  readonly policy?: RatePolicyName;
  /** Replaces the policy's `fixedLossMax`, where that is above 0. */
  readonly lossMax?: number;
}

/** How much longer round trips are at least when a queue is full. */
const FULL_QUEUE_SHARE = 0.1;
const FULL_QUEUE_US_MIN = 3000;
const FULL_QUEUE_US_MAX = 10_000;

/** Losses of a round that saw no longer round trips than this are hardly those of a full queue. */
export const fullQueueLimitUs = (minRttUs: number): number => {
  const extra = Math.min(minRttUs * FULL_QUEUE_SHARE, FULL_QUEUE_US_MAX);
  return minRttUs + Math.max(extra, FULL_QUEUE_US_MIN);
};

/** A longer round trip than this shows a queue. */
export const queueLimitUs = (policy: RatePolicy, minRttUs: number): number =>
  minRttUs + Math.max(minRttUs * policy.queueShare, policy.queueMinUs);

/** The policy that a controller is to follow. */
export const policyOf = ({ policy = 'fair', lossMax }: RateControllerOptions): RatePolicy => {
  const chosen: RatePolicy = RATE_POLICY[policy];
  if (lossMax === undefined || chosen.fixedLossMax === 0) return chosen;
  return { ...chosen, fixedLossMax: lossMax };
};
