import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReceiveDecision, ReceiveOffer } from '../data/data-plane.js';
import { expandTemplate } from '../sandboxes/sandbox-template.js';
import type { Caller } from '../sessions/caller.js';
import { codeOf, DomainLab, keyOf, peerOf } from '../transfers/domain-lab.conformance.js';

let lab: DomainLab;
const TOKEN = 'js1.id.secret';
const superuser = (): Caller => lab.caller({ userName: 'owner', level: 'superuser' });

beforeEach(async () => {
  lab = await DomainLab.open();
  lab.uploadTokens.set(TOKEN, lab.tokenCaller('upload'));
});
afterEach(() => lab.close());

const idOf = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(16);

const offerOf = (change: Partial<ReceiveOffer> = {}): ReceiveOffer => ({
  transferId: idOf(1),
  peer: peerOf(1),
  token: TOKEN,
  destinationPath: '/in',
  overwriteMode: 4,
  checkpointSeconds: 5,
  transferFlags: 3,
  totalFiles: 2,
  totalBytes: 1000,
  ...change,
});

const offer = (change: Partial<ReceiveOffer> = {}): Promise<ReceiveDecision> =>
  lab.plane.events.receiveOffered(offerOf(change));

const codeOfOffer = async (change: Partial<ReceiveOffer>): Promise<string> => {
  const decision = await offer(change);
  return decision.accepted ? 'accepted' : decision.code;
};

const transfers = (caller = lab.caller()) => lab.finish('recv.getTransfersAsync', {}, caller);
const sources = (caller = lab.caller()) => lab.finish('recv.getSourcesAsync', {}, caller);

const COMPLETE = {
  kind: 'complete',
  fileErrors: [],
  receiptPath: '/receipt.json',
  bytes: 1000,
  files: 2,
} as const;

describe('the right to store files', () => {
  it('is refused without token and authorised key, with both ways out in the message', async () => {
    const decision = await offer({ token: null });
    expect(decision).toMatchObject({ accepted: false, code: 'peer_refused' });
    const message = decision.accepted ? '' : decision.message;
    expect(message).toContain(keyOf(1));
    expect(message).toContain('destinationToken');
    expect(message).toContain('addAuthorizedClientAsync');
    expect(await transfers()).toEqual([]);
  });

  it('comes with a token that has the UPLOAD permission, and only with it', async () => {
    expect(await offer()).toEqual({
      accepted: true,
      root: lab.dir,
      components: ['in'],
      owner: 'user',
    });
    expect(await codeOfOffer({ transferId: idOf(2), token: 'js1.wrong' })).toBe('peer_refused');
    const token = { id: 't2', session: 's', permissions: 31 - 2, path: null };
    lab.uploadTokens.set('js1.download', lab.caller({ token }));
    expect(await codeOfOffer({ transferId: idOf(3), token: 'js1.download' })).toBe('peer_refused');
    lab.uploadTokens.set('js1.no-token-at-all', lab.caller());
    expect(await codeOfOffer({ transferId: idOf(4), token: 'js1.no-token-at-all' })).toBe(
      'peer_refused',
    );
  });

  it('a wrong token is refused even when the key is authorised', async () => {
    await lab.finish('recv.addAuthorizedClientAsync', { clientPublicKey: keyOf(1) }, superuser());
    expect(await codeOfOffer({ token: 'js1.wrong' })).toBe('peer_refused');
    expect(await offer({ token: null })).toMatchObject({
      accepted: true,
      root: '/',
      owner: 'owner',
    });
  });

  it('comes with an authorised key, is kept over a restart, and ends with its removal', async () => {
    const clientPublicKey = keyOf(1);
    const manage = superuser();
    await lab.finish('recv.addAuthorizedClientAsync', { clientPublicKey }, manage);
    await lab.finish(
      'recv.addAuthorizedClientAsync',
      { clientPublicKey: { clientPublicKey } },
      manage,
    );
    await lab.restart();
    const listed = await lab.finish('recv.getAuthorizedClientsAsync', {}, manage);
    expect(listed).toEqual([{ clientPublicKey }]);
    expect(await codeOfOffer({ token: null })).toBe('accepted');
    expect(await codeOfOffer({ transferId: idOf(2) })).toBe('accepted');
    await lab.finish('recv.removeAuthorizedClientAsync', { clientPublicKey }, manage);
    expect(lab.plane.stopped).toEqual([
      { transferId: idOf(1), code: 'peer_refused', kind: 'receive' },
    ]);
    expect(await codeOfOffer({ token: null })).toBe('peer_refused');
    const again = lab.finish('recv.removeAuthorizedClientAsync', { clientPublicKey }, manage);
    expect(await codeOf(again)).toBe('not_found');
    expect((await lab.eventsOf('authorizedClientAdded')).map((event) => event.fields)).toEqual([
      { clientPublicKey, by: 'owner' },
    ]);
  });

  it.each([
    '',
    'AAAA',
    Buffer.alloc(31).toString('base64'),
    `${keyOf(1)}\n`,
    keyOf(1).slice(0, -1),
  ])('refuses %j as a key', async (clientPublicKey) => {
    const params = { clientPublicKey: clientPublicKey === '' ? ' ' : clientPublicKey };
    const added = lab.finish('recv.addAuthorizedClientAsync', params, superuser());
    expect(await codeOf(added)).toBe('invalid_params');
  });
});

describe('where files land (reference vector 20)', () => {
  const landing = async (sandboxDir: string | null, destinationPath: string): Promise<string> => {
    const roots = new Map([['', expandTemplate(sandboxDir ?? '/', 'jsmith')]]);
    lab.uploadTokens.set(TOKEN, lab.tokenCaller('upload', { userName: 'jsmith', roots }));
    const decision = await offer({ destinationPath });
    if (!decision.accepted) return decision.code;
    return `${decision.root === '/' ? '' : decision.root}/${decision.components.join('/')}`;
  };

  it.each([
    [null, '', '/'],
    ['/storage', '', '/storage/'],
    ['/storage', '/repository1', '/storage/repository1'],
    ['/storage/%u', '', '/storage/jsmith/'],
    ['/storage/%u', '/repository1', '/storage/jsmith/repository1'],
    ['/storage', 'repository1/', '/storage/repository1'],
    ['/storage', '../x', 'path_invalid'],
    ['/storage', '/a/../../x', 'path_invalid'],
    ['/storage', '/a\0b', 'path_invalid'],
    ['/storage', `/${'n'.repeat(256)}`, 'name_too_long'],
  ])('sandbox %s, destination path %j: %s', async (sandboxDir, destinationPath, expected) => {
    expect(await landing(sandboxDir, destinationPath)).toBe(expected);
  });

  it('named roots are chosen by the destination path; without a plain root one must be', async () => {
    const roots = new Map([
      ['media', '/mnt/media'],
      ['docs', '/mnt/docs'],
    ]);
    lab.uploadTokens.set(TOKEN, lab.tokenCaller('upload', { roots }));
    expect(await offer({ destinationPath: 'media:/a' })).toMatchObject({
      root: '/mnt/media',
      components: ['a'],
    });
    expect(await codeOfOffer({ transferId: idOf(2), destinationPath: '/a' })).toBe('path_invalid');
    expect(await codeOfOffer({ transferId: idOf(3), destinationPath: 'other:/a' })).toBe(
      'path_invalid',
    );
  });
});

describe('an offer', () => {
  it.each([
    { transferId: 'not-an-id' },
    { transferId: '../../etc' },
    { overwriteMode: 6 },
    { overwriteMode: 1.5 },
    { totalFiles: -1 },
    { totalBytes: Number.NaN },
    { totalBytes: 2 ** 60 },
    { checkpointSeconds: 0 },
    { checkpointSeconds: Number.NaN },
  ])('%j is malformed', async (change) => {
    expect(await codeOfOffer(change)).toBe('invalid_params');
  });

  it('goes on for the same server only, to the same place, with the same files', async () => {
    expect(await codeOfOffer({})).toBe('accepted');
    expect(await codeOfOffer({ peer: peerOf(2) })).toBe('peer_refused');
    expect(await codeOfOffer({ destinationPath: '/elsewhere' })).toBe('peer_refused');
    expect(await codeOfOffer({ totalBytes: 1001 })).toBe('peer_refused');
    expect(await codeOfOffer({ destinationPath: 'in/' })).toBe('accepted');
    await lab.restart();
    expect(await codeOfOffer({ peer: peerOf(2) })).toBe('peer_refused');
    expect(await codeOfOffer({})).toBe('accepted');
    expect(await lab.eventsOf('receiveStarted')).toHaveLength(1);
  });

  it('two at once for one id begin one transfer', async () => {
    const codes = await Promise.all([
      codeOfOffer({}),
      codeOfOffer({ peer: peerOf(2) }),
      codeOfOffer({}),
    ]);
    expect(codes).toEqual(['accepted', 'peer_refused', 'accepted']);
    expect(await transfers()).toHaveLength(1);
  });

  const interrupted = { kind: 'interrupted', message: 'broke' } as const;

  it('of a deleted token goes on over a break, and no other one begins', async () => {
    await offer();
    const caller = lab.uploadTokens.get(TOKEN);
    if (caller !== undefined) lab.deletedTokens.set(TOKEN, caller);
    lab.uploadTokens.clear();
    expect(lab.plane.stopped).toEqual([]);
    lab.plane.events.receiveEnded(idOf(1), interrupted);
    expect(await codeOfOffer({})).toBe('accepted');
    lab.plane.events.receiveEnded(idOf(1), interrupted);
    await lab.restart();
    expect(await codeOfOffer({})).toBe('accepted');
    expect(await codeOfOffer({ peer: peerOf(2) })).toBe('peer_refused');
    expect(await codeOfOffer({ transferId: idOf(2) })).toBe('peer_refused');
    lab.plane.events.receiveEnded(idOf(1), { kind: 'failed', code: 'io_error', message: 'disk' });
    expect(await codeOfOffer({})).toBe('peer_refused');
  });

  it('of a token that is no longer valid for another reason is refused at its next break', async () => {
    await offer();
    lab.uploadTokens.clear();
    lab.plane.events.receiveEnded(idOf(1), interrupted);
    expect(await codeOfOffer({})).toBe('peer_refused');
  });

  it('goes on to where it began, although the sandbox of its owner has changed', async () => {
    await offer();
    const roots = new Map([['', '/elsewhere']]);
    lab.uploadTokens.set(TOKEN, lab.tokenCaller('upload', { roots }));
    expect(await offer()).toMatchObject({ accepted: true, root: lab.dir, components: ['in'] });
    const begun = await offer({ transferId: idOf(2) });
    expect(begun).toMatchObject({ accepted: true, root: '/elsewhere' });
  });

  it('comes again after the end, because the sender may have missed it', async () => {
    await offer();
    lab.plane.events.receiveEnded(idOf(1), COMPLETE);
    await lab.settled();
    expect(await codeOfOffer({ peer: peerOf(2) })).toBe('peer_refused');
    expect(await codeOfOffer({})).toBe('accepted');
    lab.plane.events.receiveEnded(idOf(1), { kind: 'interrupted', message: 'broke' });
    await lab.settled();
    expect(await transfers()).toMatchObject([{ status: 'complete', errorMessage: '' }]);
    expect(await lab.eventsOf('receiveComplete')).toHaveLength(1);
  });
});

describe('what recv.getTransfers and recv.getSources show', () => {
  it('goes from receiving to complete, over a break', async () => {
    await offer();
    expect(await transfers()).toMatchObject([
      {
        transferId: idOf(1),
        destinationPath: '/in',
        status: 'receiving',
        totalSize: 1000,
        totalFiles: 2,
        bytesDurable: 0,
        sourceIP: '10.0.0.2',
        sourcePort: 8886,
        lastErrorTime: null,
        owner: 'user',
      },
    ]);
    const counted = { bytesReceived: 700, bytesDurable: 512, packetsReceived: 9 };
    const progress = { filesTotal: 2, bytesTotal: 1000, ...counted };
    lab.plane.events.receiveProgress(idOf(1), progress);
    lab.clock.advance(10);
    lab.plane.events.receiveEnded(idOf(1), { kind: 'interrupted', message: 'broke' });
    await lab.settled();
    const broken = { status: 'receiving', bytesDurable: 512, lastErrorTime: lab.clock.nowUs() };
    expect(await transfers()).toMatchObject([broken]);
    expect(await sources()).toMatchObject([{ activeTransferCount: 0, inactiveTransferCount: 1 }]);
    await lab.restart();
    expect(await transfers()).toMatchObject([broken]);
    await offer({ peer: peerOf(1, '10.9.9.9') });
    expect(await sources()).toMatchObject([
      { sourceIP: '10.9.9.9', activeTransferCount: 1, inactiveTransferCount: 0 },
    ]);
    lab.plane.events.receiveEnded(idOf(1), COMPLETE);
    await lab.settled();
    expect(await transfers()).toMatchObject([
      { status: 'complete', bytesDurable: 1000, receiptPath: '/receipt.json', errorMessage: '' },
    ]);
    expect(await sources()).toMatchObject([{ activeTransferCount: 0, completeTransferCount: 1 }]);
  });

  it('names failures, of the whole and of files', async () => {
    await offer();
    lab.plane.events.receiveEnded(idOf(1), { kind: 'failed', code: 'disk_full', message: 'full' });
    await offer({ transferId: idOf(2) });
    const fileErrors = [{ destPath: '/a', code: 'permission_denied', message: 'no' } as const];
    lab.plane.events.receiveEnded(idOf(2), { ...COMPLETE, fileErrors });
    await lab.settled();
    expect(await transfers()).toMatchObject([
      { status: 'error', errorMessage: 'full' },
      { status: 'error', errorMessage: '1 of 2 files failed; the first: no' },
    ]);
    expect(await codeOfOffer({})).toBe('accepted');
    expect(await transfers()).toMatchObject([{ status: 'receiving', errorMessage: '' }, {}]);
  });

  it('shows sources with rates, and only what the caller may see', async () => {
    await lab.finish('recv.addAuthorizedClientAsync', { clientPublicKey: keyOf(2) }, superuser());
    await offer();
    await offer({ transferId: idOf(2), peer: peerOf(2), token: null });
    for (let second = 1; second <= 5; second += 1) {
      lab.clock.advance(1000);
      const bytes = second * 1_000_000;
      lab.plane.events.receiveProgress(idOf(1), {
        ...{ filesTotal: 2, bytesTotal: 1000 },
        bytesReceived: bytes,
        bytesDurable: 0,
        packetsReceived: second,
      });
    }
    const [mine, ...others] = await sources();
    expect(others).toEqual([]);
    expect(mine).toMatchObject({
      destinationPublicKey: keyOf(1),
      encryptedConnectionState: 'connected',
      encryptionEnabled: true,
      activeTransferCount: 1,
    });
    expect(mine?.aveRecvRate).toBeCloseTo(10_000, -1);
    expect(mine?.aveRecvRateWindow).toBeCloseTo(4000, -1);
    expect(await sources(superuser())).toHaveLength(2);
    expect(await transfers(superuser())).toHaveLength(2);
    expect(await transfers(lab.caller({ userName: 'other' }))).toEqual([]);
    lab.plane.events.peerChanged(peerOf(1), 'disconnected');
    expect(await sources()).toMatchObject([{ encryptedConnectionState: 'disconnected' }]);
    lab.plane.events.peerChanged(peerOf(7), 'connected');
    expect(await sources(superuser())).toHaveLength(2);
  });

  it('ends what nobody came back for in eight days, and forgets nothing by itself', async () => {
    await offer();
    lab.plane.events.receiveEnded(idOf(1), COMPLETE);
    await offer({ transferId: idOf(2) });
    lab.plane.events.receiveEnded(idOf(2), { kind: 'interrupted', message: 'broke' });
    await lab.settled();
    lab.clock.advance(7.9 * 86_400_000);
    await lab.settled();
    expect(await transfers()).toMatchObject([{ status: 'complete' }, { status: 'receiving' }]);
    lab.clock.advance(86_400_000);
    await lab.settled();
    expect(await transfers()).toMatchObject([
      { status: 'complete' },
      { status: 'error', errorMessage: 'The sender has not come back for 8 days' },
    ]);
  });
});
