/** Runs one transfer between two servers whose UDP path is not to be relied on. */
import { expect, onTestFinished } from 'vitest';
import type { SendOrder } from '../../packages/server/src/data/data-plane.js';
import {
  expectContent,
  orderTo,
} from '../../packages/server/src/data/worker/worker-hosts.conformance.js';
import { CHUNK_BYTES, DIGEST_BYTES } from '../../packages/server/src/storage/storage.js';
import { FallbackWorld, type WorldOptions } from './fallback-world.js';

const BYTES = 12_000_000;
/** Longer than an idle flow is kept. */
const SETTLE_US = 60e6;

/** What happens. */
export interface BlockedScenario extends WorldOptions {
  readonly seed: number;
  readonly bytes?: number;
  readonly order?: Partial<SendOrder>;
  /** Virtual seconds until the transfer must have ended; default 120. */
  readonly secondsMax?: number;
  /** Things that happen at a time. */
  readonly prepare?: (world: FallbackWorld, at: (seconds: number, run: () => void) => void) => void;
}

/** A path that was gone over, and what that has cost. */
export interface Leg {
  readonly path: 'udp' | 'tcp';
  readonly reason: string;
  /** Virtual seconds. */
  readonly from: number;
  /** Wire bytes of the chunks that were not durable at the receiver. */
  readonly missing: number;
  /** Payload bytes of data frames. */
  sent: number;
}

/** What came of it. */
export interface BlockedOutcome {
  readonly world: FallbackWorld;
  readonly order: SendOrder;
  readonly ended: string;
  readonly seconds: number;
  readonly legs: readonly Leg[];
}

const wireBytesOf = (totalBytes: number, isMissing: (chunk: number) => boolean): number => {
  let bytes = 0;
  for (let chunk = 0; chunk * CHUNK_BYTES < totalBytes; chunk += 1) {
    const length = Math.min(CHUNK_BYTES, totalBytes - chunk * CHUNK_BYTES);
    if (isMissing(chunk)) bytes += length + DIGEST_BYTES;
  }
  return bytes;
};

/** Runs a scenario to the end of its transfer, and on until nothing is left of it. */
export const runBlocked = async (scenario: BlockedScenario): Promise<BlockedOutcome> => {
  const world = new FallbackWorld(scenario.seed, scenario);
  onTestFinished(() => world.close());
  const { clock, sender, receiver } = world;
  const publicKey = Buffer.from(receiver.key).toString('base64');
  const order = {
    ...orderTo({ port: 8886, publicKey }, scenario.bytes ?? BYTES),
    ...scenario.order,
  };
  scenario.prepare?.(world, (seconds, run) => clock.schedule(seconds * 1e6, run));
  const dataSent = (): number => sender.io.counters.dataBytesSent + sender.streamIO.dataBytesSent;
  const legs: (Leg & { readonly before: number })[] = [];
  const closeLeg = (): void => {
    const leg = legs.at(-1);
    if (leg !== undefined) leg.sent = dataSent() - leg.before;
  };
  sender.onStarted = (path) => {
    closeLeg();
    const durable = receiver.memory.kept.get(order.transferId)?.durable ?? new Set<number>();
    legs.push({
      path: path === null ? 'udp' : 'tcp',
      reason: path?.pathReason ?? '',
      from: clock.now / 1e6,
      missing: wireBytesOf(order.totalBytes ?? 0, (chunk) => !durable.has(chunk)),
      sent: 0,
      before: dataSent(),
    });
  };
  sender.links.send(order, '10.0.0.2');
  let ended = 'did not end';
  await world.run(
    () => {
      const message = sender.messages.find(({ type }) => type === 'sendEnded');
      if (message?.type === 'sendEnded') {
        const { outcome } = message;
        ended = outcome.kind === 'complete' ? 'complete' : `${outcome.kind}: ${outcome.message}`;
      }
      return message !== undefined;
    },
    (scenario.secondsMax ?? 120) * 1e6,
  );
  const seconds = clock.now / 1e6;
  closeLeg();
  return { world, order, ended, seconds, legs };
};

/** Expects that neither side holds anything once idle flows have gone. */
export const expectNothingLeft = async ({ world }: BlockedOutcome): Promise<void> => {
  const { clock, sender, receiver } = world;
  const leftovers = (): string[] => [
    ...sender.leftovers,
    ...receiver.leftovers,
    ...world.dials.flat().flatMap((stream) => (stream.isOpen() ? ['a stream'] : [])),
  ];
  await world.run(() => leftovers().length === 0, clock.now + SETTLE_US);
  expect(leftovers()).toEqual([]);
};

/** Expects that all is there and equal, that no chunk was written twice, and that nothing is left. */
export const expectWhole = async (outcome: BlockedOutcome): Promise<void> => {
  const { receiver } = outcome.world;
  expect(outcome.ended).toBe('complete');
  expectContent({ storage: receiver.memory }, outcome.order);
  expect([...receiver.storage.writes.values()].filter((times) => times !== 1)).toEqual([]);
  await expectNothingLeft(outcome);
};
