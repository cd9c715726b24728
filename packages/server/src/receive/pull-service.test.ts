import { CommandError } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPLETE, codeOf, DomainLab, keyOf, peerOf } from '../transfers/domain-lab.conformance.js';
import { until } from '../transfers/until.conformance.js';

let lab: DomainLab;
let other: DomainLab;

const WISH = {
  remoteAddress: '192.0.2.9',
  mappings: { '/x.bin': '/in/1000.bin' },
  destinationPath: '/in',
  remotePublicKey: keyOf(9),
  userName: 'ann',
  password: 'secret',
};

beforeEach(async () => {
  lab = await DomainLab.open();
  other = await DomainLab.open();
  await other.manifest(1000, other.caller({ userName: 'ann' }));
  lab.remote = other.remoteBy(other.caller({ userName: 'ann' }));
});
afterEach(async () => {
  await lab.close();
  await other.close();
});

describe('requestTransferAsync', () => {
  it('makes a transfer at the other server, to here, with a token for one directory', async () => {
    const result = lab.finish('recv.requestTransferAsync', { ...WISH, priority: 5 });
    await until('the other server sends', () => other.plane.orders.length === 1);
    const [order] = other.plane.orders;
    expect(order).toMatchObject({
      ...{ priority: 5, totalBytes: 1000, destinationPath: '' },
      destination: {
        ...{ address: '192.0.2.1', port: 8886, publicKey: keyOf(0), token: 'js1.t1.secret' },
      },
    });
    expect(lab.madeTokens).toMatchObject([{ path: '/in', permissions: 2 }]);
    expect(lab.remotes).toMatchObject([
      {
        ...{ address: '192.0.2.9', port: 8886, publicKey: keyOf(9) },
        authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}`,
      },
    ]);
    other.plane.events.sendStarted(order?.transferId ?? '', peerOf(0));
    other.plane.end(order?.transferId ?? '', COMPLETE);
    expect(await result).toMatchObject({ status: 'complete', transferId: order?.transferId });
    expect(lab.progress.at(-1)).toMatchObject({ totalBytes: 1000, bytesDurable: 1000 });
    expect(lab.removedTokens).toEqual(['js1.t1.secret']);
  });

  it('returns at once with wait false', async () => {
    const made = await lab.finish('recv.requestTransferAsync', { ...WISH, wait: false });
    expect(made).toMatchObject({ status: 'pending', totalBytes: 1000 });
    expect(lab.removedTokens).toEqual([]);
  });

  it('passes on what the other server answers, and takes its token back', async () => {
    const missing = { ...WISH, mappings: { '/x': '/in/none' } };
    expect(await codeOf(lab.finish('recv.requestTransferAsync', missing))).toBe(
      'manifest_not_ready',
    );
    const call = lab.remote.call.bind(lab.remote);
    lab.remote = {
      ownAddress: '192.0.2.1',
      call: (method, params, signal) =>
        method === 'send.createTransfer'
          ? Promise.reject(new CommandError('permission_denied', 'not you'))
          : call(method, params, signal),
    };
    expect(await codeOf(lab.finish('recv.requestTransferAsync', WISH))).toBe('permission_denied');
    expect(lab.removedTokens).toHaveLength(1);
  });

  it('does not wait for the end of a long scan', async () => {
    const answers = other.remoteBy(other.caller({ userName: 'ann' }));
    const calls: { method: string; params: object }[] = [];
    lab.remote = {
      ownAddress: '192.0.2.1',
      call: (method, params, signal) => {
        calls.push({ method, params });
        return method === 'send.waitForManifest'
          ? Promise.reject(new CommandError('timeout', 'not yet'))
          : answers.call(method, params, signal);
      },
    };
    const made = await lab.finish('recv.requestTransferAsync', { ...WISH, wait: false });
    expect(made.transferId).toMatch(/^[0-9a-f]{32}$/);
    expect(calls.map(({ method }) => method).slice(0, 2)).toEqual([
      'send.createManifest',
      'send.waitForManifest',
    ]);
    expect(calls.at(-1)).toMatchObject({
      method: 'send.createTransfer',
      params: { whilePending: true },
    });
  });

  it('takes the key of a destination at that address when none is given', async () => {
    const known = { destinationAddress: '192.0.2.9', destinationPublicKey: keyOf(4) };
    await lab.call('send.createDestination', known);
    const { remotePublicKey: _key, ...wish } = WISH;
    await lab.finish('recv.requestTransferAsync', { ...wish, wait: false });
    const stranger = lab.caller({ userName: 'other' });
    await lab.finish('recv.requestTransferAsync', { ...wish, wait: false }, stranger);
    expect(lab.remotes.map(({ publicKey }) => publicKey)).toEqual([keyOf(4), null]);
  });

  it('refuses logins by token, and wishes without one way to log in', async () => {
    const token = lab.tokenCaller('s');
    const refused = lab.finish('recv.requestTransferAsync', WISH, token);
    expect(await codeOf(refused)).toBe('permission_denied');
    for (const wrong of [{ token: 'js1.a.b' }, { password: null }, { userName: null }]) {
      const wish = { ...WISH, ...wrong };
      expect(await codeOf(lab.finish('recv.requestTransferAsync', wish))).toBe('invalid_params');
    }
    expect(lab.remotes).toEqual([]);
  });
});

describe('allowOnlyAuthorizedClientsAsync', () => {
  const offerBy = (byte: number, id = 'aa') => ({
    ...{ transferId: id.repeat(16), peer: peerOf(byte), token: 'up', destinationPath: 'in' },
    ...{ overwriteMode: 4, checkpointSeconds: 5, transferFlags: 3, totalFiles: 1, totalBytes: 10 },
  });

  it('refuses unlisted servers in spite of their tokens, stops them, and is kept', async () => {
    const boss = lab.caller({ userName: 'boss', level: 'superuser' });
    lab.uploadTokens.set('up', lab.tokenCaller('s'));
    await lab.finish('recv.addAuthorizedClientAsync', { clientPublicKey: keyOf(2) }, boss);
    expect(await lab.plane.events.receiveOffered(offerBy(1))).toMatchObject({ accepted: true });
    expect(await lab.plane.events.receiveOffered(offerBy(2, 'bb'))).toMatchObject({
      accepted: true,
    });
    const only = { onlyAuthorizedClientsAllowed: true };
    await lab.finish('recv.allowOnlyAuthorizedClientsAsync', only, boss);
    expect(lab.plane.stopped).toMatchObject([{ transferId: 'aa'.repeat(16), kind: 'receive' }]);
    await lab.restart();
    expect(await lab.plane.events.receiveOffered(offerBy(1, 'cc'))).toMatchObject({
      ...{ accepted: false, code: 'peer_refused' },
    });
    expect(await lab.plane.events.receiveOffered(offerBy(2, 'dd'))).toMatchObject({
      accepted: true,
    });
    const off = { onlyAuthorizedClientsAllowed: false };
    await lab.finish('recv.allowOnlyAuthorizedClientsAsync', off, boss);
    expect(await lab.plane.events.receiveOffered(offerBy(1, 'ee'))).toMatchObject({
      accepted: true,
    });
  });

  it('performance tests need the consent of the receiver', async () => {
    lab.uploadTokens.set('up', lab.tokenCaller('s'));
    const offer = { ...offerBy(1), transferFlags: 0 };
    expect(await lab.plane.events.receiveOffered(offer)).toMatchObject({
      ...{ accepted: false, code: 'peer_refused' },
    });
    const willing = await DomainLab.open({ allowTestTransfers: true });
    try {
      willing.uploadTokens.set('up', willing.tokenCaller('s'));
      expect(await willing.plane.events.receiveOffered(offer)).toMatchObject({ accepted: true });
    } finally {
      await willing.close();
    }
  });
});
