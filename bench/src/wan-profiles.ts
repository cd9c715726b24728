/** The links that we measure over, and what must be reached over each. */
import type { LinkOptions } from '../../tests/wan/dist/wan-lab.js';

/** A link with its targets. */
export interface WanProfile {
  readonly name: string;
  readonly link: LinkOptions;
  /** Size of the one file that the targets are for. */
  readonly sizeMb: number;
  /** Goodput to a peer that was never seen before, Mbit/s. */
  readonly targetMbps: number | null;
  /** Goodput to a peer whose path the sender remembers, Mbit/s. */
  readonly seenTargetMbps: number | null;
  /** Goodput that the link allows after headers and loss, Mbit/s. */
  readonly limitMbps: number;
  /** Target of the dgram path where there is one, Mbit/s. */
  readonly dgramTargetMbps?: number;
  /** Most payload that may be sent again, as a share; the loss and a little more when absent. */
  readonly resentShareMax?: number;
}

const RATE_MBPS = 500;
const QUEUE_MS = 100;

const long = (rttMs: number, lossPercent: number): LinkOptions => ({
  rttMs,
  rateMbps: RATE_MBPS,
  lossPercent,
  queueMs: QUEUE_MS,
});

const SIZE_MB = 300;

/** All profiles. Their places are part of the ids of results, so new ones come last. */
export const WAN_PROFILES: readonly WanProfile[] = [
  {
    name: 'lan',
    link: { rttMs: 0.2, rateMbps: 1000, lossPercent: 0, queueMs: 10 },
    sizeMb: SIZE_MB,
    targetMbps: null,
    seenTargetMbps: null,
    limitMbps: 969,
  },
  {
    name: 'metro',
    link: long(10, 0.01),
    sizeMb: SIZE_MB,
    targetMbps: 445,
    seenTargetMbps: 455,
    limitMbps: 485,
  },
  {
    name: 'continental',
    link: long(60, 0.1),
    sizeMb: SIZE_MB,
    targetMbps: 425,
    seenTargetMbps: 440,
    limitMbps: 482,
    dgramTargetMbps: 250,
  },
  {
    name: 'skeleton',
    link: long(100, 1),
    sizeMb: SIZE_MB,
    targetMbps: 300,
    seenTargetMbps: null,
    limitMbps: 475,
  },
  {
    name: 'transatlantic',
    link: long(100, 0.5),
    sizeMb: SIZE_MB,
    targetMbps: 390,
    seenTargetMbps: 420,
    limitMbps: 477,
  },
  {
    name: 'intercontinental',
    link: long(200, 1),
    sizeMb: SIZE_MB,
    targetMbps: 340,
    seenTargetMbps: 400,
    limitMbps: 469,
  },
  {
    name: 'bad',
    link: long(300, 5),
    sizeMb: SIZE_MB,
    targetMbps: 260,
    seenTargetMbps: 330,
    limitMbps: 445,
  },
  {
    name: 'satellite',
    link: { rttMs: 600, rateMbps: 50, lossPercent: 2, queueMs: 300, burstPackets: 10 },
    sizeMb: SIZE_MB,
    targetMbps: 36,
    seenTargetMbps: 42,
    limitMbps: 49,
  },
  {
    name: 'gigabit',
    link: { ...long(200, 2), rateMbps: 1000 },
    sizeMb: 2000,
    targetMbps: 800,
    seenTargetMbps: null,
    limitMbps: 951,
  },
  {
    name: 'terrible',
    link: long(1000, 30),
    sizeMb: 2000,
    targetMbps: 150,
    seenTargetMbps: null,
    limitMbps: 340,
    // Of 100 packets 30 are lost, then 9 of those, then 2.7: 43 in all.
    resentShareMax: 0.45,
  },
];

/** @throws {Error} If there is no profile of that name. */
export function wanProfile(name: string): WanProfile {
  const found = WAN_PROFILES.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  const names = WAN_PROFILES.map((profile) => profile.name).join(', ');
  throw new Error(`Cannot use profile "${name}", expected one of ${names}`);
}

/** Where a profile stands among all, from 0: part of the ids of its results. */
export const placeOf = (profile: WanProfile): number =>
  WAN_PROFILES.findIndex(({ name }) => name === profile.name);

/** One line about a link. */
export function describeLink(link: LinkOptions): string {
  const burst = link.burstPackets === undefined ? '' : ` in bursts of ${link.burstPackets}`;
  return (
    `${link.rateMbps} Mbit/s, RTT ${link.rttMs} ms, loss ${link.lossPercent} % each way${burst}, ` +
    `queue ${link.queueMs} ms`
  );
}

/** Round trip and loss in a few words, for a heading. */
export function linkWords({ rttMs, lossPercent, rateMbps, burstPackets }: LinkOptions): string {
  const burst = burstPackets === undefined ? '' : ' in bursts';
  return `${rateMbps} Mbit/s, ${rttMs} ms, ${lossPercent} %${burst}`;
}
