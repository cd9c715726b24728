import { SendGate } from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import type { BandwidthLimits } from '../data-plane.js';
import { WorkerBandwidth } from './worker-bandwidth.js';

const TURN_US = 100_000;
const limits: BandwidthLimits = {
  incomingKbps: 200_000,
  outgoingKbps: 300_000,
  incomingConnectionsMax: null,
  borrowIncoming: true,
  borrowOutgoing: false,
};
/** Nobody receives a transfer; what comes in are answers. */
const flow = { receiving: false, bytesReceived: 0 };

/** A worker whose link carries what the test says, turn by turn. */
const lab = (change: Partial<BandwidthLimits> = {}) => {
  const gate = new SendGate();
  const bandwidth = new WorkerBandwidth(gate, () => [flow]);
  bandwidth.setLimits({ ...limits, ...change });
  const traffic = { bytesSent: 0, bytesReceived: 0 };
  let now = TURN_US;
  bandwidth.turn(traffic, now);
  return {
    bandwidth,
    outgoing: () => gate.rate * 8000,
    incoming: () => bandwidth.incomingShare(flow) * 8000,
    /** Turns at these rates, kbit/s. */
    run: (turns: number, sent: number, received: number) => {
      for (let turn = 0; turn < turns; turn += 1) {
        traffic.bytesSent += (sent / 8000) * TURN_US;
        traffic.bytesReceived += (received / 8000) * TURN_US;
        now += TURN_US;
        bandwidth.turn({ ...traffic }, now);
      }
    },
  };
};

describe('WorkerBandwidth', () => {
  it('has no limits until it is given some', () => {
    const gate = new SendGate();
    const bandwidth = new WorkerBandwidth(gate, () => [flow]);
    expect(gate.rate).toBe(Number.POSITIVE_INFINITY);
    expect(bandwidth.incomingShare(flow)).toBe(Number.POSITIVE_INFINITY);
    expect(bandwidth.incomingConnectionsMax).toBe(Number.POSITIVE_INFINITY);
    bandwidth.setLimits({ ...limits, incomingConnectionsMax: 3 });
    expect(gate.rate * 8000).toBeCloseTo(300_000);
    expect(bandwidth.incomingShare(flow) * 8000).toBeCloseTo(200_000);
    expect(bandwidth.incomingConnectionsMax).toBe(3);
  });

  it('lends all that receiving leaves unused, and hands it back with the next turn', () => {
    const { run, outgoing, incoming } = lab();
    run(10, 300_000, 0);
    expect(outgoing()).toBeCloseTo(500_000);
    run(1, 500_000, 150_000);
    expect(outgoing()).toBeCloseTo(350_000);
    run(1, 350_000, 200_000);
    expect(outgoing()).toBeCloseTo(300_000);
    expect(incoming()).toBeCloseTo(200_000);
  });

  it('lends nothing for a moment in which the lender pauses', () => {
    const { run, outgoing } = lab();
    run(10, 300_000, 200_000);
    run(9, 300_000, 0);
    expect(outgoing()).toBeCloseTo(300_000);
    run(1, 300_000, 0);
    expect(outgoing()).toBeCloseTo(500_000);
  });

  it('lends to receiving as well, and never more than the other limit', () => {
    const { run, incoming } = lab({ borrowIncoming: false, borrowOutgoing: true });
    run(3, 0, 200_000);
    expect(incoming()).toBeCloseTo(500_000);
    run(1, 400_000, 500_000);
    expect(incoming()).toBeCloseTo(200_000);
  });

  it('lets senders make up for a pause, within bounds', () => {
    const gate = new SendGate();
    const busy = { receiving: true, bytesReceived: 0 };
    const bandwidth = new WorkerBandwidth(gate, () => [busy]);
    bandwidth.setLimits(limits);
    const share = () => bandwidth.incomingShare(busy) * 8000;
    let now = 0;
    const turn = (kbps: number): void => {
      busy.bytesReceived += (kbps / 8000) * TURN_US;
      now += TURN_US;
      bandwidth.turn({ bytesSent: 0, bytesReceived: busy.bytesReceived }, now);
    };
    for (let i = 0; i < 5; i += 1) turn(200_000);
    expect(share()).toBeCloseTo(200_000);
    turn(100_000);
    expect(share()).toBeCloseTo(202_000);
    turn(200_000);
    expect(share()).toBeCloseTo(202_000);
    for (let i = 0; i < 100; i += 1) turn(0);
    expect(share()).toBeCloseTo(204_000);
    for (let i = 0; i < 400; i += 1) turn(share());
    expect(share()).toBeLessThan(200_100);
  });

  it('lends nothing from a direction without a limit', () => {
    const { run, outgoing } = lab({ incomingKbps: null });
    run(10, 300_000, 0);
    expect(outgoing()).toBeCloseTo(300_000);
  });
});
