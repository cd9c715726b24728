/** The links that we measure over, and what must be reached over each. */
import type { LinkOptions } from '../../tests/wan/dist/wan-lab.js';

/** A link with its targets. */
export interface WanProfile {
  readonly name: string;
  readonly link: LinkOptions;
  /** Goodput over one 300 MB file to a peer that was never seen before, Mbit/s. */
  readonly targetMbps: number | null;
  /** Goodput that the link allows after headers and loss, Mbit/s. */
  readonly limitMbps: number;
  /** Target of the dgram path where there is one, Mbit/s. */
  readonly dgramTargetMbps?: number;
}

const RATE_MBPS = 500;
const QUEUE_MS = 100;

const long = (rttMs: number, lossPercent: number): LinkOptions => ({
  rttMs,
  rateMbps: RATE_MBPS,
  lossPercent,
  queueMs: QUEUE_MS,
});

/** All profiles, in order of difficulty. */
export const WAN_PROFILES: readonly WanProfile[] = [
  {
    name: 'lan',
    link: { rttMs: 0.2, rateMbps: 1000, lossPercent: 0, queueMs: 10 },
    targetMbps: null,
    limitMbps: 969,
  },
  { name: 'metro', link: long(10, 0.01), targetMbps: 445, limitMbps: 485 },
  {
    name: 'continental',
    link: long(60, 0.1),
    targetMbps: 425,
    limitMbps: 482,
    dgramTargetMbps: 250,
  },
  { name: 'skeleton', link: long(100, 1), targetMbps: 300, limitMbps: 475 },
  { name: 'transatlantic', link: long(100, 0.5), targetMbps: 390, limitMbps: 477 },
  { name: 'intercontinental', link: long(200, 1), targetMbps: 340, limitMbps: 469 },
  { name: 'bad', link: long(300, 5), targetMbps: 260, limitMbps: 445 },
  {
    name: 'satellite',
    link: { rttMs: 600, rateMbps: 50, lossPercent: 2, queueMs: 300, burstPackets: 10 },
    targetMbps: 36,
    limitMbps: 49,
  },
];

/** @throws {Error} If there is no profile of that name. */
export function wanProfile(name: string): WanProfile {
  const found = WAN_PROFILES.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  const names = WAN_PROFILES.map((profile) => profile.name).join(', ');
  throw new Error(`Cannot use profile "${name}", expected one of ${names}`);
}

/** One line about a link. */
export function describeLink(link: LinkOptions): string {
  const burst = link.burstPackets === undefined ? '' : ` in bursts of ${link.burstPackets}`;
  return (
    `${link.rateMbps} Mbit/s, RTT ${link.rttMs} ms, loss ${link.lossPercent} % each way${burst}, ` +
    `queue ${link.queueMs} ms`
  );
}
