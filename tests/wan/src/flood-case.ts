/**
 * A flood of junk datagrams at the data port of a receiver, while a transfer runs: it completes, and
 * the junk is dropped where that is cheap. `bench/flood` measures what it costs.
 */
import { FLOOD_LINK, FLOOD_PER_SECOND, measureFlood, shareLeft } from './flood.js';
import { type WanCase, withLab } from './wan-case.js';
import type { WanLab } from './wan-lab.js';

const BIG_FILE_BYTES = 120 * 1024 * 1024;
/** The flooder shares the cores with both servers and may fall behind. */
const FLOOD_SHARE_MIN = 0.7;
/** Of the throughput, on a machine that may be busy; without the kernel's help it is less. */
const LEFT_MIN = 0.3;
/** Of ids that nobody was given, one in 256 begins like those of the socket. */
const DROPPED_MIN = 0.95;

async function flooded(lab: WanLab | null): Promise<string> {
  const run = await measureFlood(lab, BIG_FILE_BYTES);
  const { calmMbps, floodedMbps, perSecond, droppedByKernel } = run;
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const text =
    `${calmMbps.toFixed(0)} Mbit/s alone, ${floodedMbps.toFixed(0)} Mbit/s (${percent(shareLeft(run))})` +
    ` under ${perSecond} junk datagrams/s, ${percent(droppedByKernel)} of them dropped by the kernel`;
  if (perSecond < FLOOD_PER_SECOND * FLOOD_SHARE_MIN) throw new Error(`A weak flood: ${text}`);
  if (droppedByKernel < DROPPED_MIN) throw new Error(`Too much junk is read: ${text}`);
  if (shareLeft(run) < LEFT_MIN) throw new Error(text);
  return text;
}

export const floodCases: readonly WanCase[] = [
  {
    name: 'flood',
    about: '200,000 junk datagrams/s at the receiver of a 500 Mbit/s link',
    smoke: true,
    run: () => withLab(FLOOD_LINK, flooded),
  },
  {
    name: 'flood-loopback',
    about: 'the same over loopback, where only the processor is the limit',
    run: () => flooded(null),
  },
];
