import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';
import {
  type BandwidthChange,
  changedSettings,
  dataPlaneLimits,
  lockedBy,
  NO_LIMITS,
} from './bandwidth-settings.js';

const FLAGS = {
  incomingRateLimit: null,
  outgoingRateLimit: null,
  incomingMaxConnections: null,
  borrowIncomingRate: null,
  borrowOutgoingRate: null,
};
const unlocked = lockedBy(FLAGS);

const labs: ServerLab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.dispose();
});

const openLab = async (options = {}) => {
  const lab = new ServerLab(options);
  labs.push(lab);
  await lab.start();
  return lab;
};
const superuser = async (lab: ServerLab): Promise<LabSocket> => {
  const session = await lab.connectLocal();
  await session.call('superuser');
  return session;
};
const limitsOf = async (session: LabSocket) =>
  (await session.call('getServerInfo')).bandwidthLimits;

describe('changedSettings', () => {
  const kbps = fc.option(fc.integer({ min: 8, max: 1e9 }));
  const change = fc.record({
    incomingLimitActive: fc.option(fc.boolean()),
    incomingRateLimit: kbps,
    incomingMaxConnections: fc.option(fc.integer({ min: 0, max: 1e6 })),
    borrowOutgoing: fc.option(fc.boolean()),
    outgoingLimitActive: fc.option(fc.boolean()),
    outgoingRateLimit: kbps,
    borrowIncoming: fc.option(fc.boolean()),
  });

  test('changes what is given and nothing else, or nothing at all', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 5 }), (changes: BandwidthChange[]) => {
        let current = NO_LIMITS;
        for (const each of changes) {
          const before = current;
          try {
            current = changedSettings(before, each, unlocked);
          } catch {
            continue;
          }
          for (const [key, value] of Object.entries(current)) {
            const given = each[key as keyof BandwidthChange];
            expect(value).toBe(given ?? before[key as keyof typeof before]);
          }
          const limits = dataPlaneLimits(current);
          expect(limits.incomingKbps !== null).toBe(current.incomingLimitActive);
          expect(limits.outgoingKbps !== null).toBe(current.outgoingLimitActive);
        }
      }),
    );
  });

  test('an active limit needs a rate', () => {
    const failing = () => changedSettings(NO_LIMITS, { outgoingLimitActive: true }, unlocked);
    expect(failing).toThrow('"outgoingRateLimit" was never set');
  });
});

describe('updateBandwidthLimits', () => {
  test('is kept over a restart; null and absent leave things as they are', async () => {
    const lab = await openLab();
    let session = await superuser(lab);
    expect(await limitsOf(session)).toEqual({ ...NO_LIMITS, locked: false, lockedLimits: [] });
    await session.call('updateBandwidthLimits', {
      incomingLimitActive: true,
      incomingRateLimit: 200_000,
      incomingMaxConnections: 7,
      borrowIncoming: true,
    });
    await session.call('updateBandwidthLimits', { incomingRateLimit: null, borrowOutgoing: true });
    await session.call('updateBandwidthLimits');
    const expected = {
      incomingLimitActive: true,
      incomingRateLimit: 200_000,
      incomingMaxConnections: 7,
      borrowOutgoing: true,
      outgoingLimitActive: false,
      outgoingRateLimit: null,
      borrowIncoming: true,
      locked: false,
      lockedLimits: [],
    };
    expect(await limitsOf(session)).toEqual(expected);
    await lab.stop();
    await lab.start();
    session = await lab.connect();
    expect(await limitsOf(session)).toEqual(expected);
  });

  test('two changes at once are both kept', async () => {
    const lab = await openLab();
    const session = await superuser(lab);
    await Promise.all([
      session.call('updateBandwidthLimits', { incomingRateLimit: 100 }),
      session.call('updateBandwidthLimits', { outgoingRateLimit: 200 }),
    ]);
    expect(await limitsOf(session)).toMatchObject({
      incomingRateLimit: 100,
      outgoingRateLimit: 200,
    });
  });

  test('is for superusers', async () => {
    const lab = await openLab();
    const session = await lab.connectLocal();
    const { code } = await session.fail('updateBandwidthLimits', { outgoingRateLimit: 100 });
    expect(code).toBe('permission_denied');
    const { token } = await session.call('createAPIToken', {});
    const error = await lab.apiError(
      'updateBandwidthLimits',
      {},
      { authorization: `Bearer ${token}`, 'x-jetstream-level': 'superuser' },
    );
    expect(error.code).toBe('permission_denied');
  });

  test.each([
    { outgoingRateLimit: 0 },
    { outgoingRateLimit: -5 },
    { incomingRateLimit: 7.9 },
    { incomingRateLimit: 1e12 },
    { incomingRateLimit: '100' },
    { incomingMaxConnections: 1.5 },
    { incomingMaxConnections: -1 },
    { borrowOutgoing: 1 },
    { outgoingLimitActive: true },
    { outgoingLimitActive: true, incomingRateLimit: 100 },
    { noSuchLimit: true },
  ])('refuses %j and changes nothing', async (change) => {
    const lab = await openLab();
    const session = await superuser(lab);
    await session.call('updateBandwidthLimits', { incomingMaxConnections: 3 });
    const before = await limitsOf(session);
    const { code } = await session.fail('updateBandwidthLimits', change);
    expect(code).toBe('invalid_params');
    expect(await limitsOf(session)).toEqual(before);
  });

  test('what the command line gives is locked, the rest is not', async () => {
    const lab = await openLab();
    let session = await superuser(lab);
    await session.call('updateBandwidthLimits', {
      outgoingLimitActive: false,
      outgoingRateLimit: 900,
      borrowOutgoing: false,
    });
    await lab.stop();
    const flags = { outgoingRateLimit: '300000', borrowOutgoingRate: true };
    await lab.start(flags);
    session = await superuser(lab);
    expect(await limitsOf(session)).toMatchObject({
      outgoingLimitActive: true,
      outgoingRateLimit: 300_000,
      borrowOutgoing: true,
      locked: true,
      lockedLimits: ['borrowOutgoing', 'outgoingLimitActive', 'outgoingRateLimit'],
    });
    for (const [change, flag] of [
      [{ outgoingRateLimit: 100 }, '--outgoing-rate-limit'],
      [{ outgoingLimitActive: false }, '--outgoing-rate-limit'],
      [{ borrowOutgoing: true, incomingRateLimit: 100 }, '--borrow-outgoing-rate'],
    ] as const) {
      const error = await session.fail('updateBandwidthLimits', change);
      expect(error).toMatchObject({ code: 'conflict', details: { flag } });
      expect(error.message).toContain(flag);
    }
    expect((await limitsOf(session)).incomingRateLimit).toBeNull();
    await session.call('updateBandwidthLimits', { incomingRateLimit: 100 });
    // Without the flags, what the API had set counts again.
    await lab.stop();
    await lab.start();
    expect(await limitsOf(await lab.connectLocal())).toMatchObject({
      outgoingLimitActive: false,
      outgoingRateLimit: 900,
      incomingRateLimit: 100,
      borrowOutgoing: false,
      locked: false,
    });
  });
});
