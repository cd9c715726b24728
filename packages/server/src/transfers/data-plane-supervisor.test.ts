import { describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { silentLogger } from '../adapters/log/logger.js';
import type { DataPlaneEvents } from '../data/data-plane.js';
import { DataPlaneSupervisor } from './data-plane-supervisor.js';
import { FakePlane } from './domain-lab.conformance.js';
import { until } from './until.conformance.js';

interface Scene {
  readonly clock: ManualClock;
  readonly supervisor: DataPlaneSupervisor;
  readonly planes: FakePlane[];
  /** Ports of all starts, failed ones included. */
  readonly ports: number[];
  /** What the domain was told. */
  readonly told: string[];
}

/** @param failing Numbers of the starts that fail, from 0. */
const sceneOf = (failing: readonly number[] = []): Scene => {
  const clock = new ManualClock();
  const planes: FakePlane[] = [];
  const ports: number[] = [];
  const told: string[] = [];
  const events = {
    sendEnded: (id: string, outcome: { kind: string }) => told.push(`${id} ${outcome.kind}`),
    receiveEnded: (id: string, outcome: { kind: string }) => told.push(`${id} ${outcome.kind}`),
    receiveOffered: () => Promise.resolve({ accepted: true }),
    sendProgress: () => {},
  } as unknown as DataPlaneEvents;
  const supervisor = new DataPlaneSupervisor({
    port: 0,
    events,
    clock,
    log: silentLogger,
    start: (port, planeEvents, died) => {
      ports.push(port);
      const plane = new FakePlane(planeEvents, died);
      if (failing.includes(ports.length - 1)) {
        // A worker that fails to start is reported both ways.
        died(new Error('ended'));
        return Promise.reject(new Error('cannot bind'));
      }
      planes.push(plane);
      return Promise.resolve(plane);
    },
  });
  return { clock, supervisor, planes, ports, told };
};

const order = (transferId: string) =>
  ({ transferId }) as unknown as Parameters<FakePlane['send']>[0];

describe('DataPlaneSupervisor', () => {
  it('a first start that fails is an error of the caller, and nothing is tried again', async () => {
    const { supervisor, clock, ports } = sceneOf([0]);
    await expect(supervisor.start()).rejects.toThrow('cannot bind');
    clock.advance(3_600_000);
    expect(ports).toEqual([0]);
  });

  it('gives the limits to the first data plane and to each that replaces one', async () => {
    const { supervisor, clock, planes } = sceneOf();
    const limits = {
      incomingKbps: 1000,
      outgoingKbps: null,
      incomingConnectionsMax: 5,
      borrowIncoming: false,
      borrowOutgoing: true,
    };
    supervisor.setBandwidthLimits(limits);
    await supervisor.start();
    expect(planes[0]?.limits).toEqual(limits);
    planes[0]?.die(new Error('crash'));
    clock.advance(1000);
    await until('the limits are there', () => planes.length === 2 && planes[1]?.limits !== null);
    expect(planes[1]?.limits).toEqual(limits);
    const open = { ...limits, incomingKbps: null };
    supervisor.setBandwidthLimits(open);
    expect(planes[1]?.limits).toEqual(open);
  });

  it('a death interrupts what is moving and leads to one start, on the same port', async () => {
    const { supervisor, clock, planes, ports, told } = sceneOf();
    await supervisor.start();
    supervisor.send(order('s'));
    await planes[0]?.events.receiveOffered({ transferId: 'r' } as never);
    planes[0]?.die(new Error('crash'));
    planes[0]?.die(new Error('exit'));
    expect(told).toEqual(['s interrupted', 'r interrupted']);
    expect([supervisor.recvPort, supervisor.path]).toEqual([8886, 'dgram']);
    clock.advance(1000);
    await until('the second start', () => planes.length === 2);
    expect(ports).toEqual([0, 8886]);
    planes[0]?.events.sendEnded('s', { kind: 'interrupted', code: 'flow_failed', message: '' });
    expect(told).toHaveLength(2);
  });

  it('goes on trying with growing pauses, one start at a time', async () => {
    const { supervisor, clock, planes, ports } = sceneOf([1, 2]);
    await supervisor.start();
    planes[0]?.die(new Error('crash'));
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    for (const [pauseMs, starts] of [
      [1000, 2],
      [2000, 3],
      [4000, 4],
    ] as const) {
      clock.advance(pauseMs - 1);
      await turn();
      expect(ports).toHaveLength(starts - 1);
      clock.advance(1);
      await turn();
      expect(ports).toHaveLength(starts);
    }
    supervisor.send(order('s'));
    expect(planes[1]?.running).toEqual(['s']);
  });

  it('an order while there is none is interrupted, after the call', async () => {
    const { supervisor, planes, told } = sceneOf();
    await supervisor.start();
    planes[0]?.die(new Error('crash'));
    supervisor.send(order('s'));
    expect(told).toEqual([]);
    await until('the interruption', () => told.length === 1);
    expect(told).toEqual(['s interrupted']);
  });

  it('a stop ends everything and starts nothing', async () => {
    const { supervisor, clock, planes, ports, told } = sceneOf();
    await supervisor.start();
    supervisor.send(order('s'));
    planes[0]?.die(new Error('crash'));
    await supervisor.stop({ drainMs: 0 });
    clock.advance(3_600_000);
    expect(ports).toHaveLength(1);
    expect(told).toEqual(['s interrupted']);
  });
});
