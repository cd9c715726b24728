import { afterAll, expect, it } from 'vitest';
import { openLab } from '../../integration/servers.js';
import { expectSuperuserOnly, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

const OFF = { incomingLimitActive: false, outgoingLimitActive: false };

const limits = async (): Promise<Readonly<Record<string, unknown>>> => {
  const user = await sessions.as('user');
  const info = await user.call<{ bandwidthLimits: Record<string, unknown> }>('getServerInfo');
  return info.bandwidthLimits;
};
const update = async (params: object): Promise<unknown> =>
  (await sessions.as('superuser')).call('updateBandwidthLimits', { ...params });

afterAll(async () => {
  await update({ ...OFF, borrowOutgoing: false, borrowIncoming: false });
});

it('sets each limit and returns null', async () => {
  const wanted = {
    incomingLimitActive: true,
    incomingRateLimit: 500_000.5,
    incomingMaxConnections: 17,
    borrowOutgoing: true,
    outgoingLimitActive: true,
    outgoingRateLimit: 400_000,
    borrowIncoming: true,
  };
  expect(await update(wanted)).toBeNull();
  expect(await limits()).toMatchObject(wanted);
});

it('leaves unchanged what is absent or null', async () => {
  await update({ incomingLimitActive: true, incomingRateLimit: 1000, outgoingRateLimit: 2000 });
  const before = await limits();
  expect(await update({})).toBeNull();
  const nulls = Object.fromEntries(
    [
      'incomingLimitActive',
      'incomingRateLimit',
      'incomingMaxConnections',
      'borrowOutgoing',
      'outgoingLimitActive',
      'outgoingRateLimit',
      'borrowIncoming',
    ].map((name) => [name, null]),
  );
  expect(await update(nulls)).toBeNull();
  expect(await limits()).toEqual(before);
  await update({ outgoingRateLimit: 3000 });
  expect(await limits()).toEqual({ ...before, outgoingRateLimit: 3000 });
});

it('refuses impossible limits and changes nothing', async () => {
  const before = await limits();
  const wrong = failure('invalid_params');
  for (const params of [
    { incomingRateLimit: 0 },
    { outgoingRateLimit: -1 },
    { incomingMaxConnections: -1 },
    { incomingMaxConnections: 1.5 },
    { borrowIncoming: 'yes' },
    { outgoingLimitActive: false, outgoingRateLimit: 'fast' },
  ]) {
    await expect(update(params), JSON.stringify(params)).rejects.toMatchObject(wrong);
  }
  expect(await limits()).toEqual(before);
});

it.skipIf(!target.startsServers)('raises for limits given on the command line', async () => {
  await using lab = openLab();
  const server = await lab.start('limited', { flags: ['--incoming-rate-limit=1000'] });
  const api = await lab.login(server);
  await api.server.superuser();
  const locked = api.server.updateBandwidthLimits({ incomingRateLimit: 2000 });
  await expect(locked).rejects.toMatchObject(failure('conflict'));
  const { bandwidthLimits } = await api.server.getServerInfo();
  expect(bandwidthLimits).toMatchObject({ incomingLimitActive: true, incomingRateLimit: 1000 });
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'updateBandwidthLimits', OFF));
