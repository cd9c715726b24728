/** Two data workers with real files, while the test plays the scan: nothing here depends on time. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MESSAGE } from '@jetstream/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GROUP_ENTRIES } from '../../storage/list-format.js';
import { createLocalStorage } from '../../storage/local-storage.js';
import { ManifestListWriter } from '../../storage/manifest-list.js';
import type { SendOrder } from '../data-plane.js';
import { IncomingList } from './incoming-list.js';
import { jsonMessage } from './peer-messages.js';
import { type Host, orderTo, startHost } from './worker-hosts.conformance.js';

const SIZE = 2000;
let base = '';
let listPath = '';

beforeEach(() => {
  base = fs.mkdtempSync(path.join(tmpdir(), 'open-lists-'));
  listPath = path.join(base, 'm.list');
  for (const name of ['in', 'out', 'sender/receipts', 'receiver/receipts']) {
    fs.mkdirSync(path.join(base, name), { recursive: true });
  }
  for (const name of ['sender', 'receiver']) fs.mkdirSync(path.join(base, name, 'journal'));
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const bytesOf = (index: number): Buffer => Buffer.alloc(SIZE, index % 251);

/** What a scan does when it comes to so many files. */
const find = (writer: ManifestListWriter, first: number, end: number): void => {
  for (let index = first; index < end; index += 1) {
    const file = path.join(base, 'in', `f${index}`);
    fs.writeFileSync(file, bytesOf(index));
    const mtimeus = Number(fs.statSync(file, { bigint: true }).mtimeNs / 1000n);
    const names = { root: 0, source: `f${index}`, destPath: `/f${index}` };
    writer.append({ kind: 'file', ...names, size: SIZE, mtimeus, mode: 0o644 });
  }
};

const host = (name: string): Promise<Host> =>
  startHost({
    stateDir: path.join(base, name),
    files: (arena) => createLocalStorage({ arena }),
    root: path.join(base, 'out'),
  });

const openOrder = (receiver: Host): SendOrder => ({
  ...orderTo(receiver, 0),
  ...{ totalFiles: null, totalBytes: null, manifestListPath: listPath, checkpointSeconds: 0.1 },
});

const published = (): number =>
  fs.readdirSync(path.join(base, 'out')).filter((name) => !name.startsWith('.')).length;

const expectAll = (files: number): void => {
  expect(published()).toBe(files);
  for (let index = 0; index < files; index += 1) {
    const arrived = fs.readFileSync(path.join(base, 'out', `f${index}`));
    expect(arrived.equals(bytesOf(index))).toBe(true);
  }
};

describe('a list that grows while it is sent', () => {
  const FILES = GROUP_ENTRIES * 2 + 40;

  it('data arrive before the scan ends; the totals grow and are right at the end', async () => {
    const [receiver, sender] = [await host('receiver'), await host('sender')];
    const order = openOrder(receiver);
    const writer = ManifestListWriter.create(listPath, [path.join(base, 'in')]);
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    await sender.waitFor('sendStarted');
    find(writer, 0, GROUP_ENTRIES + 1);
    writer.announce();
    const arrived = await sender.waitFor('sendProgress', (told) => told.progress.bytesDurable > 0);
    expect(arrived.progress).toMatchObject({
      filesTotal: GROUP_ENTRIES,
      bytesTotal: GROUP_ENTRIES * SIZE,
    });
    expect(fs.existsSync(listPath)).toBe(false);
    await expect.poll(published).toBeGreaterThan(0);
    find(writer, GROUP_ENTRIES + 1, FILES);
    writer.finish();
    const { outcome } = await sender.waitFor('sendEnded');
    expect(outcome).toMatchObject({ kind: 'complete', fileErrors: [] });
    expect((await receiver.waitFor('receiveEnded')).outcome).toMatchObject({
      kind: 'complete',
      files: FILES,
      bytes: FILES * SIZE,
    });
    expectAll(FILES);
  });

  it('either end goes away while it grows, and comes back', async () => {
    const [receiver, sender] = [await host('receiver'), await host('sender')];
    const order = openOrder(receiver);
    const writer = ManifestListWriter.create(listPath, [path.join(base, 'in')]);
    find(writer, 0, GROUP_ENTRIES + 1);
    writer.announce();
    sender.worker.handle({ type: 'send', order, ip: '127.0.0.1' });
    await sender.waitFor('sendProgress', ({ progress }) => progress.bytesDurable > 0);
    await sender.stop();
    await receiver.stop();
    find(writer, GROUP_ENTRIES + 1, FILES);
    const [receiverAgain, senderAgain] = [await host('receiver'), await host('sender')];
    const { destination } = openOrder(receiverAgain);
    senderAgain.worker.handle({ type: 'send', order: { ...order, destination }, ip: '127.0.0.1' });
    await senderAgain.waitFor('sendStarted');
    writer.finish();
    const { outcome } = await senderAgain.waitFor('sendEnded');
    expect(outcome).toMatchObject({ kind: 'complete', fileErrors: [] });
    expectAll(FILES);
  });

  it('a list that ends without an entry is an empty transfer', async () => {
    const [receiver, sender] = [await host('receiver'), await host('sender')];
    ManifestListWriter.create(listPath, [path.join(base, 'in')]).finish();
    sender.worker.handle({ type: 'send', order: openOrder(receiver), ip: '127.0.0.1' });
    const { outcome } = await sender.waitFor('sendEnded');
    expect(outcome).toMatchObject({ kind: 'complete', fileErrors: [] });
    expect(published()).toBe(0);
  });

  it('an end that cannot be read ends the transfer', async () => {
    const list = new IncomingList({ offer: { totalFiles: null }, extended: () => undefined });
    const target = { endEntries: () => Promise.resolve() } as unknown as Parameters<
      IncomingList['end']
    >[0];
    for (const body of [{}, { totalFiles: 1 }, { totalFiles: -1, totalBytes: 2 }]) {
      const message = jsonMessage(MESSAGE.entriesEnd, 1, body).slice(7);
      await expect(list.end(target, message)).rejects.toMatchObject({ code: 'peer_refused' });
    }
    expect(list.hasEnded).toBe(false);
  });
});
