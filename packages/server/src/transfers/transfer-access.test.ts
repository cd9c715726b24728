import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../sessions/caller.js';
import {
  BROKEN,
  COMPLETE,
  codeOf,
  DomainLab,
  keyOf,
  peerOf,
  progressOf,
} from './domain-lab.conformance.js';

let lab: DomainLab;

beforeEach(async () => {
  lab = await DomainLab.open();
});
afterEach(() => lab.close());

describe('visibility', () => {
  it('users and token sessions see their own objects, elevated sessions all of them', async () => {
    const owner = lab.caller();
    const session = lab.tokenCaller('s1');
    const plain = await lab.transfer({}, owner);
    const byToken = await lab.transfer({}, session);
    const seen = async (caller: Caller): Promise<[string[], string[]]> => [
      (await lab.call('send.getTransfers', {}, caller)).map((transfer) => transfer.transferId),
      (await lab.call('send.getDestinations', {}, caller)).map((entry) => entry.destinationId),
    ];
    const both = [plain.transferId, byToken.transferId];
    expect(await seen(owner)).toEqual([both, ['receiver01:8886', 'receiver01:8886#2']]);
    expect(await seen(session)).toEqual([[both[1]], ['receiver01:8886#2']]);
    expect(await seen(lab.tokenCaller('s2'))).toEqual([[], []]);
    expect(await seen(lab.caller({ userName: 'other' }))).toEqual([[], []]);
    const wrangler = lab.caller({ userName: 'boss', level: 'wrangler' });
    expect((await seen(wrangler))[0]).toEqual(both);
    const page = await lab.call('send.getTransfers', { offset: 1, limit: 1 }, owner);
    expect(page.map((transfer) => transfer.transferId)).toEqual([both[1]]);
  });

  it('what a caller may not see is not found, for every method', async () => {
    const { transferId, manifestId, destinationId } = await lab.transfer();
    for (const stranger of [lab.caller({ userName: 'other' }), lab.tokenCaller('s1')]) {
      const codes = [
        await codeOf(lab.call('send.getTransfer', { transferId }, stranger)),
        await codeOf(lab.call('send.waitForTransfer', { transferId }, stranger)),
        await codeOf(lab.call('send.cancelTransfer', { transferId }, stranger)),
        await codeOf(lab.call('send.deleteTransfer', { transferId }, stranger)),
        await codeOf(lab.call('send.getManifestFiles', { manifestId }, stranger)),
        await codeOf(lab.call('send.deleteManifest', { manifestId }, stranger)),
        await codeOf(lab.call('send.getDestination', { destinationId }, stranger)),
        await codeOf(lab.call('send.deleteDestination', { destinationId }, stranger)),
        await codeOf(lab.call('send.createTransfer', { manifestId, destinationId }, stranger)),
      ];
      expect(new Set(codes)).toEqual(new Set(['not_found']));
    }
    expect(await lab.show(transferId)).toMatchObject({ processing: true });
  });
});

describe('createTransfer', () => {
  it('refuses what cannot be sent, before anything is queued', async () => {
    const { destinationId } = await lab.call('send.createDestination', { destinationAddress: 'r' });
    const bad = await lab.call('send.createManifest', { mappings: { '/d': '/none' } });
    await lab.call('send.waitForManifest', { manifestId: bad });
    const { manifestId } = await lab.manifest();
    const base = { manifestId, destinationId };
    const cases: [string, Parameters<typeof lab.call<'send.createTransfer'>>[1]][] = [
      ['manifest_not_ready', { ...base, manifestId: bad }],
      ['not_found', { ...base, manifestId: 'f'.repeat(32) }],
      ['not_found', { ...base, destinationId: 'nowhere:1' }],
      ['path_invalid', { ...base, destinationPath: '/a/../b' }],
      ['invalid_params', { ...base, rateControlMethod: 'fixed' }],
      ['permission_denied', { ...base, minCipher: 0 }],
    ];
    for (const [code, params] of cases) {
      expect(await codeOf(lab.call('send.createTransfer', params)), code).toBe(code);
    }
    expect(await lab.call('send.getTransfers', {})).toEqual([]);
    expect(lab.plane.orders).toEqual([]);
  });

  it('takes over what the caller decides', async () => {
    const { transferId } = await lab.transfer({
      destinationPath: 'media:/in',
      priority: 7,
      checkpointFrequencySeconds: 0.5,
      overwriteMode: 3,
      minCipher: 3,
    });
    await lab.sent(transferId);
    expect(lab.plane.order(transferId)).toMatchObject({
      destinationPath: 'media:/in',
      priority: 7,
      checkpointSeconds: 0.5,
      overwriteMode: 3,
      destination: { minCipher: 3 },
    });
  });
});

describe('deleting', () => {
  it('keeps manifest, destination and transfer until the transfer has ended', async () => {
    const { transferId, manifestId, destinationId } = await lab.transfer();
    const all = (): Promise<string>[] => [
      codeOf(lab.call('send.deleteTransfer', { transferId })),
      codeOf(lab.call('send.deleteManifest', { manifestId })),
      codeOf(lab.call('send.deleteDestination', { destinationId })),
    ];
    await lab.sent(transferId);
    expect(await Promise.all(all())).toEqual(['conflict', 'conflict', 'conflict']);
    lab.plane.end(transferId, BROKEN);
    expect(await Promise.all(all())).toEqual(['conflict', 'conflict', 'conflict']);
    await lab.call('send.cancelTransfer', { transferId });
    expect(await Promise.all(all())).toEqual(['no error', 'no error', 'no error']);
    expect(await codeOf(lab.show(transferId))).toBe('not_found');
    await lab.restart();
    expect(await lab.call('send.getDestinations', {})).toEqual([]);
    expect(await lab.call('send.getManifests', {})).toEqual([]);
  });

  it('a transfer that was cancelled and deleted gives its slot back when its attempt ends', async () => {
    const first = await lab.transfer();
    await lab.sent(first.transferId);
    const second = await lab.transfer();
    await lab.call('send.cancelTransfer', { transferId: first });
    await lab.call('send.deleteTransfer', { transferId: first });
    expect(lab.plane.running).toEqual([first.transferId]);
    lab.plane.end(first.transferId, BROKEN);
    expect(lab.plane.running).toEqual([second.transferId]);
  });
});

describe('waitForTransfer', () => {
  it('ends with timeout, and with not_found when the transfer is deleted meanwhile', async () => {
    const { transferId } = await lab.transfer();
    await lab.sent(transferId);
    const waiting = codeOf(lab.call('send.waitForTransfer', { transferId, timeoutSeconds: 3 }));
    await lab.settled();
    lab.clock.advance(3000);
    expect(await waiting).toBe('timeout');
  });

  it('answers a hundred callers', async () => {
    const { transferId } = await lab.transfer();
    await lab.sent(transferId);
    const all = Array.from({ length: 100 }, () => lab.call('send.waitForTransfer', { transferId }));
    lab.plane.events.sendStarted(transferId, peerOf(1));
    lab.plane.end(transferId, COMPLETE);
    const states = (await Promise.all(all)).map((transfer) => transfer.status);
    expect(new Set(states)).toEqual(new Set(['complete']));
  });
});

describe('notifications', () => {
  it('at most four a second per transfer, and the end is always told', async () => {
    const { transferId } = await lab.transfer();
    await lab.sent(transferId);
    lab.plane.events.sendStarted(transferId, peerOf(1));
    lab.clock.advance(1000);
    lab.published.length = 0;
    for (let step = 0; step < 200; step += 1) {
      lab.plane.events.sendProgress(transferId, progressOf({ bytesSent: step }));
      lab.clock.advance(10);
    }
    lab.plane.end(transferId, COMPLETE);
    lab.clock.advance(250);
    expect(lab.published.length).toBeLessThanOrEqual(10);
    expect(lab.published.length).toBeGreaterThanOrEqual(8);
    expect(lab.published.at(-1)?.item).toMatchObject({ transferId, status: 'complete' });
    expect(new Set(lab.published.map((entry) => entry.topic))).toEqual(new Set(['transfers']));
  });
});

describe('destinations', () => {
  it('the same parameters give the same destination, others an id with a number', async () => {
    const base = { destinationAddress: 'Receiver.Example.' };
    const create = async (change: object, caller = lab.caller()): Promise<string> =>
      (await lab.call('send.createDestination', { ...base, ...change }, caller)).destinationId;
    const [first, again] = await Promise.all([create({}), create({ minCipher: 2 })]);
    expect([first, again]).toEqual(['receiver.example:8886', 'receiver.example:8886']);
    expect(await create({ sendRateMax: 100_000 })).toBe('receiver.example:8886#2');
    expect(await create({ destinationToken: 'js1.a.b' })).toBe('receiver.example:8886#3');
    expect(await create({}, lab.caller({ userName: 'other' }))).toBe('receiver.example:8886#4');
    expect(await create({ destinationPort: 9000 })).toBe('receiver.example:9000');
    expect(await create({ destinationAddress: '[::1]' })).toBe('[::1]:8886');
    await lab.restart();
    expect(await create({ sendRateMax: 100_000 })).toBe('receiver.example:8886#2');
    expect((await lab.eventsOf('destinationCreated')).map((event) => event.fields)).toEqual([
      {
        destinationId: 'receiver.example:8886',
        owner: 'user',
        ownerToken: null,
        ownerTokenSession: null,
      },
      {
        destinationId: 'receiver.example:8886#2',
        owner: 'user',
        ownerToken: null,
        ownerTokenSession: null,
      },
      {
        destinationId: 'receiver.example:8886#3',
        owner: 'user',
        ownerToken: null,
        ownerTokenSession: null,
      },
      {
        destinationId: 'receiver.example:8886#4',
        owner: 'other',
        ownerToken: null,
        ownerTokenSession: null,
      },
      {
        destinationId: 'receiver.example:9000',
        owner: 'user',
        ownerToken: null,
        ownerTokenSession: null,
      },
      { destinationId: '[::1]:8886', owner: 'user', ownerToken: null, ownerTokenSession: null },
    ]);
  });

  it.each([
    { destinationAddress: 'host:8886' },
    { destinationAddress: 'http://host' },
    { destinationAddress: '1.2.3' },
    { destinationAddress: 'a b' },
    { destinationAddress: 'h', destinationPublicKey: 'short' },
    { destinationAddress: 'h', destinationPublicKey: `${keyOf(1)} ` },
  ])('refuses %j', async (params) => {
    expect(await codeOf(lab.call('send.createDestination', params))).toBe('invalid_params');
  });

  it('a key that the user names is the only one accepted, from the first contact on', async () => {
    const params = { destinationAddress: 'r', destinationPublicKey: keyOf(9), sendRateMax: 5000 };
    const destination = await lab.call('send.createDestination', params);
    expect(destination).toMatchObject({
      destinationPublicKey: keyOf(9),
      permittedDestinationPublicKey: keyOf(9),
      lastDestinationServerId: null,
      sendRateMax: 5000,
    });
    const manifestId = await lab.manifest();
    const { transferId } = await lab.call('send.createTransfer', {
      manifestId,
      destinationId: destination,
    });
    await lab.sent(transferId);
    expect(lab.plane.order(transferId).destination).toMatchObject({
      publicKey: keyOf(9),
      rateMaxKbps: 5000,
      policy: 'fair',
    });
    lab.plane.events.sendStarted(transferId, peerOf(1));
    expect(lab.plane.stopped).toMatchObject([{ code: 'peer_identity_mismatch' }]);
    const after = await lab.call('send.getDestination', { destinationId: destination });
    expect(after).toMatchObject({ destinationPublicKey: keyOf(9), lastDestinationServerId: null });
  });

  it('shows the last contact and the last error, and remembers them', async () => {
    const { transferId, destinationId } = await lab.transfer();
    await lab.sent(transferId);
    const shown = () => lab.call('send.getDestination', { destinationId });
    expect(await shown()).toMatchObject({ encryptedConnectionState: 'negotiating' });
    lab.plane.events.sendStarted(transferId, peerOf(3, '10.1.1.1'));
    lab.clock.advance(10);
    lab.plane.end(transferId, BROKEN);
    const expected = {
      encryptedConnectionState: 'disconnected',
      destinationIP: '10.1.1.1',
      destinationPublicKey: keyOf(3),
      permittedDestinationPublicKey: null,
      lastDestinationServerId: 'id-3',
      lastDestinationServerUid: 'uid-3',
      lastError: lab.clock.nowUs(),
      lastErrorMessage: 'broke',
    };
    expect(await shown()).toMatchObject(expected);
    await lab.call('send.cancelTransfer', { transferId });
    await lab.restart();
    expect(await shown()).toMatchObject(expected);
  });
});
