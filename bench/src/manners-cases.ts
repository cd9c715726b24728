/**
 * The cases of `bench/manners`: each puts flows on one bottleneck and holds what they get against a
 * target.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openWanLab, type WanLab } from '../../tests/wan/dist/wan-lab.js';
import {
  type EndlessTransfer,
  forwardBytes,
  type OurFlow,
  pingMs,
  prepareOurs,
  sleep,
  startTcp,
} from './shared-link.js';
import { format, median } from './statistics.js';

/** Round trip of the link. */
export const RTT_MS = 40;
/** A queue of one product of rate and round trip. */
const FULL_QUEUE_MS = RTT_MS;
const HEAD_START_MS = 2000;
/** The TCP flow lasts this much longer than planned, because a busy machine is late. */
const STARTED_SECONDS = 6;
/** TCP's least share of the link beside each policy. */
const TCP_SHARE_MIN = { fair: 0.2, background: 0.85 } as const;
const PAIR_SHARE_MIN = 0.4;
const RESENT_MAX = 0.05;
const QUEUE_SHARE_MAX = 0.25;
/** Where the rate is fixed: share of the link, how exact, and what a dead link may still get. */
const FIXED_SHARE = 0.5;
const FIXED_EXACT = 0.03;
const DEAD_LOSS_PERCENT = 80;
const DEAD_SETTLE_MS = 4000;
const DEAD_SHARE_MAX = 0.3;

/** What all cases share. */
export interface Bench {
  readonly directory: string;
  readonly source: string;
  readonly rateMbps: number;
  readonly runs: number;
  /** Data path of ours. */
  readonly path: string;
  readonly warmMs: number;
  readonly windowMs: number;
}

/** One figure with its target. */
export interface Row {
  readonly what: string;
  readonly figures: readonly number[];
  readonly unit: string;
  readonly decimals: number;
  /** Beside the figures, for the reader. */
  readonly remark: string;
  readonly target: string;
  readonly isMet: (figure: number) => boolean;
}

const places = (bench: Bench, lab: WanLab, name: string) => ({
  lab,
  directory: bench.directory,
  name,
  source: bench.source,
  path: bench.path,
});

/** Opens a lab, and removes it and what its servers wrote whatever happens. */
async function inLab<T>(
  bench: Bench,
  link: {
    readonly queueMs: number;
    readonly tcpCongestion?: 'cubic' | 'bbr';
    readonly seed: number;
  },
  measure: (lab: WanLab) => Promise<T>,
): Promise<T> {
  const lab = await openWanLab({
    rttMs: RTT_MS,
    rateMbps: bench.rateMbps,
    lossPercent: 0,
    ...link,
  });
  try {
    return await measure(lab);
  } finally {
    await lab.close();
    for (const name of ['one', 'two']) {
      rmSync(join(bench.directory, name), { recursive: true, force: true });
    }
  }
}

const shareOf = (bench: Bench, bytes: number, ms: number): number =>
  (bytes * 8) / 1000 / ms / bench.rateMbps;

interface WithTcp {
  readonly tcp: number;
  readonly ours: number;
  readonly resent: number;
}

async function besideTcp(
  bench: Bench,
  lab: WanLab,
  how: { readonly flow: OurFlow; readonly oursFirst: boolean },
): Promise<WithTcp> {
  const seconds = (2 * HEAD_START_MS + bench.warmMs + bench.windowMs) / 1000 + STARTED_SECONDS;
  const ours = await prepareOurs(places(bench, lab, 'one'), how.flow);
  let tcp: Awaited<ReturnType<typeof startTcp>> | null = null;
  try {
    if (how.oursFirst) {
      await ours.start();
      await sleep(HEAD_START_MS);
    }
    tcp = await startTcp(lab, seconds);
    if (!how.oursFirst) {
      await sleep(HEAD_START_MS);
      await ours.start();
    }
    await sleep(bench.warmMs);
    const from = { ms: performance.now(), ...(await ours.count()) };
    await sleep(bench.windowMs);
    const to = { ms: performance.now(), ...(await ours.count()) };
    const tcpBytes = await tcp.bytesBetween(from.ms, to.ms);
    const acked = to.ackedBytes - from.ackedBytes;
    return {
      tcp: shareOf(bench, tcpBytes, to.ms - from.ms),
      ours: shareOf(bench, acked, to.ms - from.ms),
      resent: (to.resentBytes - from.resentBytes) / Math.max(1, acked),
    };
  } finally {
    tcp?.stop();
    await ours.cancel();
  }
}

const runsOf = async <T>(bench: Bench, measure: (run: number) => Promise<T>): Promise<T[]> => {
  const found: T[] = [];
  for (let run = 0; run < bench.runs; run += 1) found.push(await measure(run));
  return found;
};

async function tcpRow(
  bench: Bench,
  queueMs: number,
  how: { readonly policy: 'fair' | 'background'; readonly tcpCongestion: 'cubic' | 'bbr' },
): Promise<Row> {
  const { policy, tcpCongestion } = how;
  const runs = await runsOf(bench, (run) =>
    inLab(bench, { queueMs, tcpCongestion, seed: 42 + run }, (lab) =>
      besideTcp(bench, lab, { flow: { policy }, oursFirst: run % 2 === 1 }),
    ),
  );
  const least = TCP_SHARE_MIN[policy];
  const ours = median(runs.map((run) => run.ours));
  const resent = median(runs.map((run) => run.resent));
  return {
    what: `${policy} beside TCP ${tcpCongestion}: TCP's share of the link`,
    figures: runs.map((run) => 100 * run.tcp),
    unit: '%',
    decimals: 0,
    remark: `ours ${format(100 * ours)} %, re-sent ${format(100 * resent, 1)} %`,
    target: `>= ${format(100 * least)} %`,
    isMet: (figure) => figure >= 100 * least,
  };
}

async function pairRow(bench: Bench, queueMs: number): Promise<Row> {
  const runs = await runsOf(bench, (run) =>
    inLab(bench, { queueMs, seed: 42 + run }, async (lab) => {
      const flows: EndlessTransfer[] = [];
      try {
        for (const name of ['one', 'two']) {
          flows.push(await prepareOurs(places(bench, lab, name), { policy: 'fair' }));
        }
        await flows[0]?.start();
        await sleep(HEAD_START_MS);
        await flows[1]?.start();
        await sleep(bench.warmMs);
        const counts = () => Promise.all(flows.map((flow) => flow.count()));
        const from = await counts();
        const fromMs = performance.now();
        await sleep(bench.windowMs);
        const to = await counts();
        const ms = performance.now() - fromMs;
        const got = to.map((count, at) => count.ackedBytes - (from[at]?.ackedBytes ?? 0));
        const sum = got.reduce((total, bytes) => total + bytes, 0);
        return { least: Math.min(...got) / sum, used: shareOf(bench, sum, ms) };
      } finally {
        await Promise.all(flows.map((flow) => flow.cancel()));
      }
    }),
  );
  return {
    what: 'two fair flows, one 2 s later: the smaller part of both',
    figures: runs.map((run) => 100 * run.least),
    unit: '%',
    decimals: 0,
    remark: `together ${format(100 * median(runs.map((run) => run.used)))} % of the link as payload`,
    target: `>= ${format(100 * PAIR_SHARE_MIN)} %`,
    isMet: (figure) => figure >= 100 * PAIR_SHARE_MIN,
  };
}

/** One fair flow that has the link for itself, start-up included. */
async function aloneRows(bench: Bench, queueMs: number): Promise<Row[]> {
  const runs = await runsOf(bench, (run) =>
    inLab(bench, { queueMs, seed: 42 + run }, async (lab) => {
      const idle = median(await pingMs(lab, 0.5));
      const flow = await prepareOurs(places(bench, lab, 'one'), { policy: 'fair' });
      try {
        await flow.start();
        await sleep(bench.warmMs);
        const from = { ms: performance.now(), ...(await flow.count()) };
        const pings = await pingMs(lab, bench.windowMs / 1000);
        const to = { ms: performance.now(), ...(await flow.count()) };
        return {
          added: median(pings) - idle,
          resent: to.resentBytes / to.ackedBytes,
          used: shareOf(bench, to.ackedBytes - from.ackedBytes, to.ms - from.ms),
        };
      } finally {
        await flow.cancel();
      }
    }),
  );
  const remark = `${format(100 * median(runs.map((run) => run.used)))} % of the link as payload`;
  const shared = { remark, unit: '%' };
  const delay: Row = {
    ...shared,
    what: 'one fair flow alone: added delay, median, of the round trip',
    figures: runs.map((run) => (100 * run.added) / RTT_MS),
    decimals: 1,
    target: `<= ${format(100 * QUEUE_SHARE_MAX)} %`,
    isMet: (figure) => figure <= 100 * QUEUE_SHARE_MAX,
  };
  const resent: Row = {
    ...shared,
    what: 'one fair flow alone: re-sent payload',
    figures: runs.map((run) => 100 * run.resent),
    decimals: 2,
    target: `<= ${format(100 * RESENT_MAX)} %`,
    isMet: (figure) => figure <= 100 * RESENT_MAX,
  };
  return queueMs === FULL_QUEUE_MS ? [delay, resent] : [resent];
}

async function fixedRows(bench: Bench, queueMs: number): Promise<Row[]> {
  const wantedMbps = bench.rateMbps * FIXED_SHARE;
  const runs = await runsOf(bench, (run) =>
    inLab(bench, { queueMs, seed: 42 + run }, async (lab) => {
      const ceiling = { policy: 'fixed', sendRateMaxKbps: wantedMbps * 1000 } as const;
      const flow = await prepareOurs(places(bench, lab, 'one'), ceiling);
      const sentMbps = async (ms: number): Promise<number> => {
        const from = { ms: performance.now(), bytes: (await forwardBytes(lab)).udp };
        await sleep(ms);
        const { udp } = await forwardBytes(lab);
        return ((udp - from.bytes) * 8) / 1000 / (performance.now() - from.ms);
      };
      try {
        await flow.start();
        await sleep(bench.warmMs / 2);
        const held = await sentMbps(bench.windowMs);
        await lab.set(`ab.loss=${DEAD_LOSS_PERCENT}`);
        await sleep(DEAD_SETTLE_MS);
        const dead = await sentMbps(bench.windowMs / 3);
        return { held, dead };
      } finally {
        await flow.cancel();
      }
    }),
  );
  return [
    {
      what: `fixed, sendRateMax ${wantedMbps} Mbit/s: sent, off by`,
      figures: runs.map((run) => 100 * (run.held / wantedMbps - 1)),
      unit: '%',
      decimals: 1,
      remark: 'UDP payload into the link',
      target: `within ${format(100 * FIXED_EXACT)} %`,
      isMet: (figure) => Math.abs(figure) <= 100 * FIXED_EXACT,
    },
    {
      what: `fixed, once ${DEAD_LOSS_PERCENT} % are lost: sent, of sendRateMax`,
      figures: runs.map((run) => (100 * run.dead) / wantedMbps),
      unit: '%',
      decimals: 0,
      remark: 'loss ceiling 50 %, its default',
      target: `<= ${format(100 * DEAD_SHARE_MAX)} %`,
      isMet: (figure) => figure <= 100 * DEAD_SHARE_MAX,
    },
  ];
}

/** The cases by name; each gives its rows for a queue of that many milliseconds. */
export const MANNERS_CASES: Readonly<
  Record<string, (bench: Bench, queueMs: number) => Promise<Row[]>>
> = {
  fair: (bench, queueMs) => bothTcp(bench, queueMs, 'fair'),
  background: (bench, queueMs) => bothTcp(bench, queueMs, 'background'),
  pair: async (bench, queueMs) => [await pairRow(bench, queueMs)],
  alone: aloneRows,
  fixed: fixedRows,
};

async function bothTcp(
  bench: Bench,
  queueMs: number,
  policy: 'fair' | 'background',
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const tcpCongestion of ['cubic', 'bbr'] as const) {
    rows.push(await tcpRow(bench, queueMs, { policy, tcpCongestion }));
  }
  return rows;
}
