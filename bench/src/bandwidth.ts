/**
 * The server's bandwidth limits, set through the API and measured on the link between two servers:
 * average, peak, borrowing, and changes while data flows.
 *
 * Usage: bench/bandwidth [--rates-mbps 20,200,500] [--seconds 10] [--path native] [--mtu 1500] [--dry]
 *
 * Needs root and iproute2 (network namespaces). Writes into RESULTS.md unless `--dry`. Refuses
 * unknown options.
 */
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Api } from '@jetstream/client';
import {
  openServerPair,
  prepareTransfer,
  type ServerPair,
  type Station,
} from '../../tests/wan/dist/server-pair.js';
import { linkBytes, openLinkPair } from './link-pair.js';
import { meanKbps, peakKbps, type RateSample, settledMs } from './rate-samples.js';
import { recordSection, type Verdict } from './results-file.js';
import { format, table } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const { values } = parseArgs({
  options: {
    'rates-mbps': { type: 'string', default: '20,200,500' },
    mtu: { type: 'string', default: '1500' },
    seconds: { type: 'string', default: '10' },
    path: { type: 'string', default: 'native' },
    dry: { type: 'boolean', default: false },
  },
});

/** Holes of the file cost nothing to read, and the transfers are cancelled long before its end. */
const SOURCE_BYTES = 20e9;
const SAMPLE_MS = 4;
const READ_MS_MAX = 1;
/** From the request until the average counts; the peak counts from the first byte. */
const WARM_MS = 1500;
const PEAK_WINDOW_MS = 100;
const AVERAGE_SHARE = 0.03;
const PEAK_SHARE = 0.1;
const SETTLE_MS = 1000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What passes one end of the link, read every few milliseconds. */
class LinkWatch {
  readonly sent: RateSample[] = [];
  readonly received: RateSample[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), SAMPLE_MS);
  }

  #look(): void {
    const before = performance.now();
    const bytes = linkBytes(this.#pid);
    const ms = performance.now();
    // Interrupted between counter and clock: nobody knows which time the count belongs to.
    if (ms - before > READ_MS_MAX) return;
    this.sent.push({ ms, bytes: bytes.sent });
    this.received.push({ ms, bytes: bytes.received });
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

interface Bench {
  readonly pair: ServerPair;
  readonly directory: string;
}

/** Starts an endless transfer; the result cancels it. */
async function flood(bench: Bench, backwards = false): Promise<() => Promise<void>> {
  const { pair, directory } = bench;
  const target = join(directory, backwards ? 'back' : 'forth');
  const ends = backwards
    ? { ...pair, sender: pair.receiver, receiver: pair.sender, receiverAddress: '10.211.77.1' }
    : pair;
  const source = join(directory, 'source');
  const prepared = await prepareTransfer(ends, { source, target, name: 'file' });
  const { transferId } = await prepared.start();
  const { send } = ends.sender.api;
  return async () => {
    await send.cancelTransfer(transferId);
    await sleep(300);
    rmSync(target, { recursive: true, force: true });
  };
}

type Limits = NonNullable<Parameters<Api['server']['updateBandwidthLimits']>[0]>;

async function setLimits({ api }: Station, limits: Limits): Promise<void> {
  await api.server.updateBandwidthLimits({
    incomingLimitActive: false,
    outgoingLimitActive: false,
    borrowIncoming: false,
    borrowOutgoing: false,
    ...limits,
  });
}

interface Row {
  readonly what: string;
  readonly targetMbps: number;
  readonly averageMbps: number;
  readonly peakMbps: number;
}

const mbps = (kbps: number): number => kbps / 1000;

async function measureSteady(
  bench: Bench,
  direction: 'outgoing' | 'incoming',
  limitMbps: number,
): Promise<Row> {
  const { sender, receiver } = bench.pair;
  const limited = direction === 'outgoing' ? sender : receiver;
  await setLimits(sender, {});
  await setLimits(receiver, {});
  await setLimits(
    limited,
    direction === 'outgoing'
      ? { outgoingLimitActive: true, outgoingRateLimit: limitMbps * 1000 }
      : { incomingLimitActive: true, incomingRateLimit: limitMbps * 1000 },
  );
  const watch = new LinkWatch(limited.server.ready.pid);
  const startMs = performance.now();
  const end = await flood(bench);
  await sleep(WARM_MS);
  const fromMs = performance.now();
  await sleep(countOf('seconds', values.seconds) * 1000);
  const toMs = performance.now();
  await sleep(2 * SAMPLE_MS);
  watch.stop();
  await end();
  const samples = direction === 'outgoing' ? watch.sent : watch.received;
  return {
    what: `${direction}, ${limitMbps} Mbit/s`,
    targetMbps: limitMbps,
    averageMbps: mbps(meanKbps(samples, fromMs, toMs)),
    peakMbps: mbps(peakKbps(samples, { fromMs: startMs, toMs }, PEAK_WINDOW_MS)),
  };
}

function steadyVerdicts(row: Row): Verdict[] {
  const { what, targetMbps, averageMbps, peakMbps } = row;
  const off = averageMbps / targetMbps - 1;
  const over = peakMbps / targetMbps - 1;
  return [
    {
      what: `limit, ${what}: average over ${values.seconds} s`,
      target: 'within 3 %',
      measured: `${format(100 * off, 1)} %`,
      met: Math.abs(off) <= AVERAGE_SHARE,
    },
    {
      what: `limit, ${what}: peak over 100 ms`,
      target: 'at most 10 % over',
      measured: `${format(100 * over, 1)} %`,
      met: over <= PEAK_SHARE,
    },
  ];
}

const LENT_MBPS = 100;
const OWN_MBPS = 200;

/** One direction uses what the other leaves, until data come that way. */
async function measureBorrowing(bench: Bench, borrower: 'outgoing' | 'incoming') {
  const { sender, receiver } = bench.pair;
  const isSending = borrower === 'outgoing';
  const station = isSending ? sender : receiver;
  await setLimits(sender, {});
  await setLimits(receiver, {});
  await setLimits(station, {
    incomingLimitActive: true,
    outgoingLimitActive: true,
    outgoingRateLimit: (isSending ? OWN_MBPS : LENT_MBPS) * 1000,
    incomingRateLimit: (isSending ? LENT_MBPS : OWN_MBPS) * 1000,
    borrowIncoming: isSending,
    borrowOutgoing: !isSending,
  });
  const watch = new LinkWatch(station.server.ready.pid);
  const windowMs = countOf('seconds', values.seconds) * 1000;
  const endFirst = await flood(bench);
  await sleep(2 * SETTLE_MS + windowMs);
  const backMs = performance.now();
  const endSecond = await flood(bench, true);
  await sleep(2 * SETTLE_MS + windowMs);
  const toMs = performance.now();
  await sleep(2 * SAMPLE_MS);
  watch.stop();
  await endSecond();
  await endFirst();
  const own = isSending ? watch.sent : watch.received;
  const lender = isSending ? watch.received : watch.sent;
  // The lender's own use begins when a tenth of its limit has come within a tenth of a second.
  const startMs =
    lender.find(
      ({ ms }) => ms > backMs && meanKbps(lender, ms, ms + PEAK_WINDOW_MS) > LENT_MBPS * 100,
    )?.ms ?? Number.NaN;
  const limit = { kbps: OWN_MBPS * 1000 * (1 + PEAK_SHARE), windowMs: PEAK_WINDOW_MS };
  return {
    aloneMbps: mbps(meanKbps(own, backMs - windowMs, backMs)),
    besideMbps: mbps(meanKbps(own, toMs - windowMs, toMs)),
    lenderMbps: mbps(meanKbps(lender, toMs - windowMs, toMs)),
    handedBackMs: settledMs(own, { fromMs: startMs, toMs }, limit),
  };
}

type Borrowing = Awaited<ReturnType<typeof measureBorrowing>>;

function borrowVerdicts(borrower: string, run: Borrowing): Verdict[] {
  const whole = OWN_MBPS + LENT_MBPS;
  return [
    {
      what: `borrowing, ${borrower}: rate while the other direction is idle`,
      target: `${whole} Mbit/s within 3 %`,
      measured: `${format(run.aloneMbps, 1)} Mbit/s`,
      met: Math.abs(run.aloneMbps / whole - 1) <= AVERAGE_SHARE,
    },
    {
      what: `borrowing, ${borrower}: handed back`,
      target: '<= 1 s',
      measured: `${format(run.handedBackMs)} ms; then ${format(run.besideMbps, 1)} and ${format(run.lenderMbps, 1)} Mbit/s`,
      met:
        run.handedBackMs !== null &&
        run.handedBackMs <= SETTLE_MS &&
        run.lenderMbps >= LENT_MBPS * (1 - AVERAGE_SHARE),
    },
  ];
}

/** Limits that change while data flow. */
async function measureChange(bench: Bench): Promise<Verdict[]> {
  const { sender, receiver } = bench.pair;
  await setLimits(receiver, {});
  const limitTo = (limitMbps: number) =>
    setLimits(sender, { outgoingLimitActive: true, outgoingRateLimit: limitMbps * 1000 });
  await limitTo(200);
  const watch = new LinkWatch(sender.server.ready.pid);
  const end = await flood(bench);
  await sleep(3000);
  await limitTo(50);
  const downMs = performance.now();
  await sleep(3000);
  const upMs = performance.now();
  await limitTo(200);
  await sleep(SETTLE_MS + countOf('seconds', values.seconds) * 1000 + 100);
  const toMs = performance.now();
  watch.stop();
  await end();
  const range = { fromMs: downMs, toMs: upMs };
  const down = settledMs(watch.sent, range, { kbps: 55_000, windowMs: PEAK_WINDOW_MS });
  const after = mbps(meanKbps(watch.sent, upMs + SETTLE_MS, toMs - 100));
  return [
    {
      what: 'limit changed from 200 to 50 Mbit/s while data flow',
      target: '<= 1 s',
      measured: `${format(down)} ms`,
      met: down !== null && down <= SETTLE_MS,
    },
    {
      what: 'and back to 200 Mbit/s: average after 1 s',
      target: 'within 3 %',
      measured: `${format(after, 1)} Mbit/s`,
      met: Math.abs(after / 200 - 1) <= AVERAGE_SHARE,
    },
  ];
}

async function measureAll(bench: Bench): Promise<{ rows: Row[]; verdicts: Verdict[] }> {
  const rows: Row[] = [];
  const verdicts: Verdict[] = [];
  const tell = (found: readonly Verdict[]): void => {
    verdicts.push(...found);
    for (const { what, measured, met } of found) {
      note(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured}`);
    }
  };
  for (const text of values['rates-mbps'].split(',')) {
    for (const direction of ['outgoing', 'incoming'] as const) {
      const row = await measureSteady(bench, direction, countOf('rates-mbps', text));
      rows.push(row);
      tell(steadyVerdicts(row));
    }
  }
  for (const borrower of ['outgoing', 'incoming'] as const) {
    tell(borrowVerdicts(borrower, await measureBorrowing(bench, borrower)));
  }
  tell(await measureChange(bench));
  return { rows, verdicts };
}

await runMain(async () => {
  const directory = await openWorkplace(MEMORY_DIRECTORY);
  const source = join(directory, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'big.bin'), '');
  truncateSync(join(source, 'big.bin'), SOURCE_BYTES);
  const lab = openLinkPair(countOf('mtu', values.mtu));
  const flags = [`--data-path=${values.path}`];
  const pair = await openServerPair({ directory: join(directory, 'servers'), lab, flags });
  try {
    for (const { api } of [pair.sender, pair.receiver]) await api.server.superuser();
    const { rows, verdicts } = await measureAll({ pair, directory });
    const body = table(
      [
        ['limit', (row) => row.what],
        ['average, Mbit/s', (row) => format(row.averageMbps, 2)],
        ['peak over 100 ms, Mbit/s', (row) => format(row.peakMbps, 2)],
      ],
      rows,
    );
    process.stdout.write(`${body}\n`);
    if (!values.dry) {
      recordSection({
        id: `5 bandwidth ${values.path} ${values.mtu}`,
        title: `Bandwidth limits, ${values.path}, MTU ${values.mtu}`,
        settings: `\`bench/bandwidth --path ${values.path} --mtu ${values.mtu}\`; two servers in namespaces of their own on a pair of virtual devices, UDP payload counted at the limited server's device.`,
        verdicts,
        body,
      });
    }
  } finally {
    await pair.stop();
    lab.close();
  }
});
