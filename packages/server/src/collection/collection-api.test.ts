import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../adapters/clock/clock.js';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';

// A server each, on machines that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let clock: ManualClock;
let lab: ServerLab;
let boss: LabSocket;

const elevated = async (): Promise<LabSocket> => {
  const session = await lab.connectLocal();
  await session.call('superuser');
  return session;
};

/** Lets time pass; sessions that could not answer pings meanwhile are gone. */
const pass = async (milliseconds: number): Promise<void> => {
  clock.advance(milliseconds);
  boss = await elevated();
};

beforeEach(async () => {
  clock = new ManualClock(Math.round(systemClock.nowUs()));
  lab = new ServerLab({}, clock);
  await lab.start();
  boss = await elevated();
});

afterEach(() => lab.dispose());

describe('garbage collection by the API', () => {
  it('has the documented defaults, changes them, and keeps them over a restart', async () => {
    const settings = { intervalSeconds: 3600, timeLimitSeconds: 172_800 };
    expect(await boss.call('getGarbageCollectSettings')).toEqual(settings);
    const { configuration } = await boss.call('getServerInfo');
    expect(configuration?.['garbageCollect']).toEqual(settings);
    expect(await boss.call('updateGarbageCollectSettings', { timeLimitSeconds: 0 })).toEqual({
      ...settings,
      timeLimitSeconds: 0,
    });
    const longest = { intervalSeconds: 2_147_483_647, timeLimitSeconds: null };
    await boss.call('updateGarbageCollectSettings', longest);
    await lab.stop();
    await lab.start();
    boss = await elevated();
    const changed = { intervalSeconds: 2_147_483_647, timeLimitSeconds: 0 };
    expect(await boss.call('getGarbageCollectSettings')).toEqual(changed);
    const eventName = 'garbageCollectSettingsUpdated';
    const { eventLog } = await boss.call('getEventLog', { eventName });
    expect(eventLog).toMatchObject([{ timeLimitSeconds: 0 }, changed]);
  });

  it('removes requests past their time and expired tokens, and counts them before', async () => {
    const { token } = await boss.call('createAPIToken', { timeLimitSeconds: 60 });
    await boss.call('createAPIToken', {});
    await boss.finish('lsRootsAsync');
    expect(await boss.call('garbageCollect', { force: true })).toMatchObject({ tokens: 0 });
    await pass(61_000);
    const nothing = { tokens: 0, requests: 0, manifests: 0, transfers: 0 };
    expect(await boss.call('garbageCollect')).toMatchObject(nothing);
    const forced = { force: true, dryRun: true };
    expect(await boss.call('garbageCollect', forced)).toMatchObject({ tokens: 1, requests: 0 });
    const tokenId = token.split('.')[1] ?? '';
    expect(await boss.call('getAPIToken', { token: tokenId })).toMatchObject({ token: tokenId });
    expect(await boss.call('garbageCollect', { force: true })).toMatchObject({ tokens: 1 });
    expect((await boss.fail('getAPIToken', { token: tokenId })).code).toBe('not_found');
    expect(await boss.call('getAPITokens')).toHaveLength(1);
    const { eventLog } = await boss.call('getEventLog', { eventName: 'garbageCollected' });
    expect(eventLog.map((event) => [event['force'], event['by'] !== null])).toEqual([
      [true, true],
      [false, true],
      [true, true],
    ]);
    expect(eventLog.at(-1)?.['counts']).toMatchObject({ tokens: 1, requests: 0 });
  });

  it('collects by itself', async () => {
    await boss.call('createAPIToken', { timeLimitSeconds: 60 });
    await boss.call('updateGarbageCollectSettings', { intervalSeconds: 60 });
    // The token can be looked at for another hour; just after that comes a collection.
    await pass(3_600_000);
    expect(await boss.call('getAPITokens')).toHaveLength(1);
    await pass(121_000);
    const collected = async (): Promise<object[]> =>
      (await boss.call('getEventLog', { eventName: 'garbageCollected' })).eventLog;
    await vi.waitUntil(async () => (await collected()).length > 0, { timeout: 30_000 });
    expect(await collected()).toMatchObject([{ by: null, force: false, counts: { tokens: 1 } }]);
    expect(await boss.call('getAPITokens')).toEqual([]);
  });

  it('is for superusers, and never for tokens', async () => {
    await lab.addUser('ann');
    const ann = await lab.connectUser('ann');
    const { token } = await boss.call('createAPIToken', {});
    const scripted = await lab.connect();
    await scripted.call('authToken', { token });
    const methods = [
      'garbageCollect',
      'getGarbageCollectSettings',
      'updateGarbageCollectSettings',
    ] as const;
    for (const method of methods) {
      expect((await ann.fail(method)).code).toBe('permission_denied');
      expect((await scripted.fail(method)).code).toBe('permission_denied');
      expect((await (await lab.connect()).fail(method)).code).toBe('not_authenticated');
    }
    expect((await ann.call('getServerInfo')).configuration).toBeNull();
  });

  it('refuses bad input, and changes nothing', async () => {
    const bad: [string, object][] = [
      ['updateGarbageCollectSettings', { intervalSeconds: 59 }],
      ['updateGarbageCollectSettings', { intervalSeconds: 2_147_483_648 }],
      ['updateGarbageCollectSettings', { timeLimitSeconds: -1 }],
      ['updateGarbageCollectSettings', { timeLimitSeconds: 1.5 }],
      ['updateGarbageCollectSettings', { timeLimitSeconds: '60' }],
      ['updateGarbageCollectSettings', { intervalSeconds: 60, timeLimitSeconds: 2_147_483_648 }],
      ['updateGarbageCollectSettings', { interval: 60 }],
      ['garbageCollect', { force: 'yes' }],
      ['garbageCollect', { dryRun: 1 }],
      ['getGarbageCollectSettings', { all: true }],
    ];
    const before = await boss.call('getGarbageCollectSettings');
    for (const [method, params] of bad) {
      expect((await boss.fail(method, params)).code).toBe('invalid_params');
    }
    expect(await boss.call('getGarbageCollectSettings')).toEqual(before);
  });
});
