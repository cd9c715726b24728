/** Flows of ours and one TCP flow that share a bottleneck, and what each of them gets of it. */
import { type Flow, type RatePolicyName } from '@jetstream/transport';
import { SimulatedWorld } from '@jetstream/testkit';
import { TcpRival } from './tcp-rival.js';

/** A shared bottleneck. */
export interface SharedLink {
  readonly seed: number;
  readonly rttMs: number;
  readonly rateMbps: number;
  readonly queueMs: number;
  readonly lossPercent?: number;
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
const TRACE_MS = 500;

/** Lets them run, and counts what arrives in the window of time. */
export const runShares = (shared: SharedLink): Shares => {
  const world = new SimulatedWorld(shared.seed);
  const path = {
    delayUs: shared.rttMs * 500,
    rateMbps: shared.rateMbps,
    queueUs: shared.queueMs * 1000,
    loss: (shared.lossPercent ?? 0) / 100,
  };
  const bottleneck = world.network.link('x', 'y');
  bottleneck.set(path);
  const rttUs = shared.rttMs * 1000;
  const pairs = shared.ours.map(({ policy, startSeconds = 0 }, index) => {
    const options = { slots: SLOTS, sendSlots: SLOTS, openMax: SLOTS };
    const a = world.addHost(`a${index}`, options);
    const b = world.addHost(`b${index}`, options);
    world.network.shareLink(a.name, b.name, bottleneck);
    world.network.link(b.name, a.name).set(path);
    const entry = { a, b, flow: (): Flow | null => a.sessions[0]?.flow ?? null };
    world.clock.schedule(startSeconds * 1e6, () => {
      const transfers = [{ channel: 1, totalBytes: BYTES, seed: shared.seed + index }];
      a.connect(b, { transfers, policy });
    });
    return entry;
  });
  let rival: TcpRival | null = null;
  if (shared.rival !== undefined) {
    const { kind, startSeconds = 0 } = shared.rival;
    world.clock.schedule(startSeconds * 1e6, () => {
      const { clock, random } = world;
      rival = new TcpRival({ kind, clock, random, link: bottleneck, backUs: rttUs / 2 });
    });
  }
  const waits: number[] = [];
  const rivalBytes = () => rival?.bytes ?? 0;
  const ourBytes = () => pairs.map(({ b }) => b.sessions[0]?.flow.totals.bytesReceived ?? 0);
  let last = { rival: 0, ours: pairs.map(() => 0) };
  const trace = () => {
    const now = { rival: rivalBytes(), ours: ourBytes() };
    const rate = (bytes: number) => ((bytes * 8) / TRACE_MS / 1000).toFixed(0);
    const flow = pairs[0]?.flow();
    process.stdout.write(
      `${(world.clock.now / 1e6).toFixed(1)} s  tcp ${rate(now.rival - last.rival)} (${rival?.window.toFixed(0)})` +
        `  ours ${now.ours.map((b, i) => rate(b - (last.ours[i] ?? 0))).join(' ')}` +
        `  ${flow?.rate.mode} bw ${((flow?.rate.bandwidth ?? 0) * 8).toFixed(0)} pace ${((flow?.rate.pacingRate ?? 0) * 8).toFixed(0)} rtt ${((flow?.rate.smoothedRttUs ?? 0) / 1000).toFixed(1)} min ${((flow?.rate.minRttUs ?? 0) / 1000).toFixed(1)} own ${((flow?.rate.ownLoss ?? 0) * 100).toFixed(2)} drops ${bottleneck.counters.droppedQueue}\n`,
    );
    last = now;
    world.clock.schedule(world.clock.now + TRACE_MS * 1000, trace);
  };
  if (process.env.TRACE === '1') trace();
  world.run(() => false, { untilUs: shared.fromSeconds * 1e6, stepsMax: 50_000_000 });
  const before = { rival: rivalBytes(), ours: ourBytes() };
  const sample = () => {
    waits.push(bottleneck.waitUs);
    world.clock.schedule(world.clock.now + 7000, sample);
  };
  sample();
  world.run(() => false, { untilUs: shared.toSeconds * 1e6, stepsMax: 50_000_000 });
  const linkBytes = ((shared.toSeconds - shared.fromSeconds) * 1e6 * shared.rateMbps) / 8;
  waits.sort((x, y) => x - y);
  let sent = 0;
  let again = 0;
  for (const { a } of pairs) {
    const flow = a.sessions[0]?.flow;
    sent += flow?.outbox.packetsSent ?? 0;
    again += flow?.outbox.packetsSentAgain ?? 0;
  }
  return {
    ours: ourBytes().map((bytes, i) => (bytes - (before.ours[i] ?? 0)) / linkBytes),
    rival: (rivalBytes() - before.rival) / linkBytes,
    queueMedianMs: (waits[waits.length >> 1] ?? 0) / 1000,
    resent: again / Math.max(1, sent - again),
  };
};
