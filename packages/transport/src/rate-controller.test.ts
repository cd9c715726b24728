/** Sanity of the congestion control on a model of a link; the simulation measures it in earnest. */
import { describe, expect, it } from 'vitest';
import type { AckSummary } from './packet-ledger.js';
import { RateController } from './rate-controller.js';
import type { RatePolicyName } from './rate-policy.js';

const PACKET = 1300;

interface Link {
  readonly rttUs: number;
  /** Bytes per microsecond. */
  readonly rate: number;
  readonly loss: number;
}

/** Sends as told through a fluid link with an endless queue; one ack each millisecond. */
const run = (controller: RateController, link: Link, seconds: number, startUs = 0) => {
  const stepUs = 1000;
  let queue = 0;
  let rounded = startUs;
  let sentBytes = 0;
  let sentPeak = 0;
  let queueMost = 0;
  const flight: { at: number; bytes: number; queueUs: number }[] = [];
  let inFlight = 0;
  for (let now = startUs; now < startUs + seconds * 1e6; now += stepUs) {
    const room = Math.max(0, controller.window - inFlight);
    const sent = Math.min(controller.pacingRate * stepUs, room);
    sentPeak = Math.max(sentPeak, sent / stepUs);
    inFlight += sent;
    sentBytes += sent;
    queue = Math.max(0, queue + sent - link.rate * stepUs);
    queueMost = Math.max(queueMost, queue);
    flight.push({
      at: now + link.rttUs + queue / link.rate,
      bytes: sent,
      queueUs: queue / link.rate,
    });
    let arrived = 0;
    let queueUs = 0;
    while (flight[0] !== undefined && flight[0].at <= now) {
      arrived += flight[0].bytes;
      queueUs = flight[0].queueUs;
      flight.shift();
    }
    if (arrived === 0) continue;
    inFlight -= arrived;
    const roundEnded = now - rounded >= link.rttUs;
    if (roundEnded) rounded = now;
    const lost = arrived * link.loss;
    const summary: AckSummary = {
      ackedBytes: arrived - lost,
      ackedPackets: (arrived - lost) / PACKET,
      lostBytes: lost,
      lostPackets: lost / PACKET,
      calmResolved: controller.calm ? arrived / PACKET : 0,
      calmLost: controller.calm ? lost / PACKET : 0,
      rttUs: link.rttUs + queueUs,
      deliveryRate: Math.min(link.rate, arrived / stepUs) * (1 - link.loss),
      deliveryAppLimited: false,
      roundEnded,
      spurious: 0,
    };
    controller.onAck(summary, { now, bytesInFlight: inFlight });
  }
  const queues = { queueUs: queue / link.rate, queueMostUs: queueMost / link.rate };
  return { ...queues, sentPeak, sentRate: sentBytes / (seconds * 1e6) };
};

const newController = (
  rttUs: number,
  rateMax = Infinity,
  policy: RatePolicyName = 'fair',
): RateController =>
  new RateController({ rttUs, packetBytes: PACKET, rateMax, rateHint: 0, now: 0, policy });

describe('RateController', () => {
  for (const [name, link] of Object.entries({
    'short and fast': { rttUs: 5000, rate: 125, loss: 0 },
    long: { rttUs: 100_000, rate: 60, loss: 0 },
    'long and lossy': { rttUs: 100_000, rate: 60, loss: 0.02 },
    slow: { rttUs: 50_000, rate: 0.5, loss: 0 },
    'short and slow': { rttUs: 1000, rate: 2.5, loss: 0 },
  })) {
    it(`finds the rate of a link that is ${name}, and keeps its queue short`, () => {
      const controller = newController(link.rttUs);
      const { queueUs } = run(controller, link, 8);
      expect(controller.mode).not.toBe('startup');
      expect(controller.bandwidth).toBeGreaterThan(link.rate * 0.85);
      expect(controller.bandwidth).toBeLessThan(link.rate * 1.1);
      expect(queueUs).toBeLessThan(link.rttUs + 20_000);
      expect(controller.minRttUs).toBeLessThan(link.rttUs * 1.3);
      if (link.loss > 0) expect(controller.ownLoss).toBeCloseTo(link.loss, 2);
    });
  }

  it('drains a queue that one reading too high has made, before it overflows', () => {
    const link = { rttUs: 100_000, rate: 60, loss: 0 };
    const controller = newController(link.rttUs);
    run(controller, link, 4);
    const high: AckSummary = {
      ...{ ackedBytes: PACKET, ackedPackets: 1, lostBytes: 0, lostPackets: 0 },
      ...{ calmResolved: 0, calmLost: 0, rttUs: link.rttUs, spurious: 0 },
      ...{ deliveryRate: 90, deliveryAppLimited: false, roundEnded: false },
    };
    controller.onAck(high, { now: 4e6, bytesInFlight: 6e6 });
    expect(controller.bandwidth).toBe(90);
    // Ten round trips at 90 would leave a queue of 500 ms.
    const { queueMostUs } = run(controller, link, 1, 4e6);
    expect(queueMostUs).toBeLessThan(200_000);
  });

  it('in start-up, acks that do not come stop it after one and a half round trips', () => {
    const controller = newController(100_000);
    const bunches = controller.pacingRate * 16_000;
    expect(controller.window).toBeCloseTo(controller.pacingRate * 150_000 + bunches, 0);
  });

  it('never sends above its ceiling, and follows a change of it', () => {
    const controller = newController(20_000, 10);
    const { sentPeak } = run(controller, { rttUs: 20_000, rate: 100, loss: 0 }, 3);
    expect(sentPeak).toBeLessThanOrEqual(10);
    controller.setCeiling(2);
    expect(controller.pacingRate).toBeLessThanOrEqual(2);
  });

  it('allows something in flight from the start, and after silence', () => {
    const controller = newController(100_000);
    expect(controller.window).toBeGreaterThanOrEqual(8 * PACKET);
    expect(controller.pacingRate).toBeGreaterThan(0);
    controller.onTimeout(1_000_000);
    expect(controller.window).toBeGreaterThanOrEqual(8 * PACKET);
    expect(controller.pacingRate).toBeGreaterThan(0);
  });

  it('believes the first measured round trip more than that of the handshake', () => {
    const controller = newController(800_000);
    run(controller, { rttUs: 50_000, rate: 10, loss: 0 }, 0.2);
    expect(controller.smoothedRttUs).toBeLessThan(100_000);
    expect(controller.minRttUs).toBeLessThan(100_000);
  });

  it('fixed: holds its ceiling from the start, on a lossy path too', () => {
    const controller = newController(100_000, 20, 'fixed');
    expect(controller.pacingRate).toBe(20);
    run(controller, { rttUs: 100_000, rate: 60, loss: 0.2 }, 4);
    expect(controller.pacingRate).toBe(20);
    expect(controller.limitedByCeiling).toBe(true);
  });

  it('fixed: stops burning a path that loses most of it, and comes back', () => {
    const controller = newController(20_000, 20, 'fixed');
    run(controller, { rttUs: 20_000, rate: 60, loss: 0.7 }, 2);
    expect(controller.pacingRate).toBeLessThan(20);
    run(controller, { rttUs: 20_000, rate: 60, loss: 0 }, 2);
    expect(controller.pacingRate).toBe(20);
  });

  it('background: gives way to a queue that stays, for as long as it does', () => {
    const share = (policy: RatePolicyName): number => {
      const controller = newController(40_000, Infinity, policy);
      run(controller, { rttUs: 40_000, rate: 60, loss: 0 }, 3);
      // Someone else's queue: every round trip is 40 ms longer, whatever this flow does.
      return run(controller, { rttUs: 80_000, rate: 60, loss: 0 }, 6, 3e6).sentRate;
    };
    expect(share('background')).toBeLessThan(share('fair') * 0.8);
  });
});
