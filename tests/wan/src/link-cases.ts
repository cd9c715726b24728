/** Cases in which the link is bad, or changes, and nothing else happens. */
import {
  awaitEqual,
  awaitSent,
  describeTransfer,
  type Scene,
  sleep,
  startTransfer,
  type WanCase,
  withLab,
  withScene,
} from './wan-case.js';
import type { LinkOptions, WanLab } from './wan-lab.js';

const MEGABYTE = 1024 * 1024;
const LINK: LinkOptions = { rttMs: 40, rateMbps: 100, lossPercent: 0, queueMs: 100 };

interface LinkCase {
  readonly name: string;
  readonly about: string;
  readonly smoke?: boolean;
  readonly link?: Partial<LinkOptions>;
  readonly megabytes: number;
  /** What happens once an eighth of the content has left. */
  readonly during?: (lab: WanLab) => Promise<void>;
  /** Longest time for all of it. */
  readonly secondsMax?: number;
}

const outage = (seconds: number) => async (lab: WanLab) => {
  await lab.set('down=1');
  await sleep(seconds * 1000);
  await lab.set('down=0');
};

const LINK_CASES: readonly LinkCase[] = [
  {
    name: 'bandwidth-steps',
    about: '500, then 50, then 500 Mbit/s',
    link: { rateMbps: 500 },
    megabytes: 120,
    during: async (lab) => {
      await lab.set('rate=50');
      await sleep(4000);
      await lab.set('rate=500');
    },
  },
  {
    name: 'rtt-steps',
    about: 'round trips of 40, then 300, then 20 ms',
    megabytes: 60,
    during: async (lab) => {
      await lab.set('rtt=300');
      await sleep(2000);
      await lab.set('rtt=20');
    },
  },
  { name: 'outage-1', about: 'no packet for 1 s', smoke: true, megabytes: 24, during: outage(1) },
  { name: 'outage-10', about: 'no packet for 10 s', megabytes: 24, during: outage(10) },
  {
    name: 'outage-60',
    about: 'no packet for 60 s: the transfer goes on over another flow',
    megabytes: 24,
    during: outage(60),
    secondsMax: 150,
  },
  {
    name: 'reordering',
    about: '5 % of the packets 10 ms late',
    smoke: true,
    link: { words: ['reorder=5', 'reorder-ms=10'] },
    megabytes: 40,
  },
  { name: 'duplication', about: '5 % twice', link: { words: ['dup=5'] }, megabytes: 40 },
  {
    name: 'damage',
    about: '0.1 % corrupted, 0.1 % mangled so that UDP checksums fit',
    smoke: true,
    link: { words: ['corrupt=0.1', 'mangle=0.1'] },
    megabytes: 40,
  },
  { name: 'jitter', about: 'delay within ± 20 ms', link: { words: ['jitter=20'] }, megabytes: 40 },
  {
    name: 'asymmetric',
    about: '100 Mbit/s there, 1 Mbit/s back',
    smoke: true,
    link: { words: ['ba.rate=1'] },
    megabytes: 40,
  },
  {
    name: 'mtu-1280',
    about: 'packets of at most 1280',
    link: { words: ['--mtu', '1280'] },
    megabytes: 40,
  },
  {
    name: 'mtu-jumbo',
    about: 'packets of up to 9000',
    link: { rateMbps: 500, words: ['--mtu', '9000'] },
    megabytes: 120,
  },
  {
    name: 'everything',
    about: '2 % loss, reordering, duplication, damage and jitter together',
    link: {
      lossPercent: 2,
      words: ['reorder=5', 'dup=5', 'corrupt=0.1', 'mangle=0.1', 'jitter=10'],
    },
    megabytes: 24,
  },
];

const transferOver = async (scene: Scene, lab: WanLab, wanted: LinkCase): Promise<string> => {
  const { transferId } = await startTransfer(scene);
  if (wanted.during !== undefined) {
    await awaitSent(scene, transferId, (wanted.megabytes * MEGABYTE) / 8);
    await wanted.during(lab);
  }
  return describeTransfer(await awaitEqual(scene, transferId, wanted.secondsMax ?? 60));
};

export const linkCases: readonly WanCase[] = LINK_CASES.map((wanted) => ({
  name: wanted.name,
  about: wanted.about,
  smoke: wanted.smoke ?? false,
  run: () =>
    withLab({ ...LINK, ...wanted.link }, (lab) =>
      withScene(lab, { bigFileBytes: wanted.megabytes * MEGABYTE }, (scene) =>
        transferOver(scene, lab, wanted),
      ),
    ),
}));
