/** What must be reached over an emulated link, held against what was measured. */
import type { TransferRun } from './measure-transfer.js';
import type { Verdict } from './results-text.js';
import { format } from './statistics.js';
import type { WanProfile } from './wan-profiles.js';

const RESIDENT_BYTES_MAX = 400e6;
/** Re-sent payload may exceed the link's loss by this share of the payload. */
const RESENT_SLACK = 0.02;
/** A small file may take so many round trips, and so many seconds beside them. */
const LATENCY_ROUND_TRIPS = 4;
const LATENCY_SLACK_SECONDS = 0.2;

/** Size by which latency is judged: it shows the round trips before and after the data. */
export const LATENCY_SIZE_MB = 1;

/** Whether the sender has been in touch with the receiver before. */
export type Contact = 'first' | 'seen';

/** Figures that decide. */
export type JudgedRun = Pick<
  TransferRun,
  'seconds' | 'goodputMbps' | 'resentShare' | 'senderPeakBytes' | 'receiverPeakBytes'
> & { readonly firstDataMs: number | null };

/** What was measured. */
export interface Measured {
  readonly profile: WanProfile;
  readonly path: string;
  readonly contact: Contact;
  readonly sizeMb: number;
  /** The median of all runs. */
  readonly run: JudgedRun;
}

/** As it is named in tables: "metro, native, seen before". */
export const nameOf = ({ profile, path, contact }: Omit<Measured, 'run' | 'sizeMb'>): string =>
  `${profile.name}, ${path}${contact === 'seen' ? ', seen before' : ''}`;

function latencyVerdicts(measured: Measured): Verdict[] {
  const { profile, run } = measured;
  const secondsMax = LATENCY_ROUND_TRIPS * (profile.link.rttMs / 1000) + LATENCY_SLACK_SECONDS;
  const what = `${nameOf(measured)}: one ${LATENCY_SIZE_MB} MB file`;
  const verdict = (moment: string, seconds: number): Verdict => ({
    what: `${what}, ${moment}`,
    target: `<= ${format(secondsMax, 2)} s`,
    measured: `${format(seconds, 2)} s`,
    met: seconds <= secondsMax,
  });
  const first = run.firstDataMs === null ? [] : [verdict('first data', run.firstDataMs / 1000)];
  return [...first, verdict('complete', run.seconds)];
}

function targetOf({ profile, path, contact }: Measured): number | null {
  if (path === 'native') return contact === 'seen' ? profile.seenTargetMbps : profile.targetMbps;
  return contact === 'seen' ? null : (profile.dgramTargetMbps ?? null);
}

function goodputVerdicts(measured: Measured): Verdict[] {
  const { profile, run } = measured;
  const target = targetOf(measured);
  if (target === null) return [];
  const peak = Math.max(run.senderPeakBytes, run.receiverPeakBytes);
  const resentMax = profile.resentShareMax ?? profile.link.lossPercent / 100 + RESENT_SLACK;
  const what = nameOf(measured);
  return [
    {
      what: `${what}: one ${profile.sizeMb} MB file`,
      target: `>= ${target} Mbit/s`,
      measured: `${format(run.goodputMbps)} Mbit/s`,
      met: run.goodputMbps >= target,
    },
    {
      what: `${what}: re-sent payload`,
      target: `<= ${format(100 * resentMax, 2)} %`,
      measured: `${format(100 * run.resentShare, 2)} %`,
      met: run.resentShare <= resentMax,
    },
    {
      what: `${what}: resident memory`,
      target: `< ${RESIDENT_BYTES_MAX / 1e6} MB`,
      measured: `${format(peak / 1e6)} MB`,
      met: peak < RESIDENT_BYTES_MAX,
    },
  ];
}

/** The verdicts on a median; none where there is no target for what was measured. */
export function verdictsOf(measured: Measured): Verdict[] {
  if (measured.sizeMb === measured.profile.sizeMb) return goodputVerdicts(measured);
  return measured.sizeMb === LATENCY_SIZE_MB ? latencyVerdicts(measured) : [];
}
