/** Where UDP does not pass, transfers go over TLS streams to the control port. */
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import type { Api } from '@jetstream/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import {
  awaitComplete,
  awaitDurable,
  type Lab,
  openLab,
  orderTransfer,
  sentAgainOf,
} from './servers.js';

const FILE_BYTES = 8 * 1024 * 1024 + 13;
const CEILING_KBPS = 40_000;
const BIG_FILE_BYTES = 32 * 1024 * 1024;
/** Slow enough that there is time to interfere. */
const SEND_RATE_MAX_KBPS = 100_000;
const HALFWAY_BYTES = 8 * 1024 * 1024;

/** A UDP port that swallows everything, as a firewall does. */
async function blackHole(): Promise<{ port: number } & AsyncDisposable> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, LOOPBACK, resolve));
  return {
    port: socket.address().port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** A TCP relay whose connections can be cut. */
async function relayTo(port: number): Promise<{ port: number; cut(): number } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, LOOPBACK);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  const cut = (): number => {
    const count = open.size / 2;
    for (const socket of open) socket.destroy();
    return count;
  };
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut,
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Pair {
  readonly paris: ServerProcess;
  readonly tokyo: ServerProcess;
  readonly sender: Api;
  readonly receiver: Api;
}

async function startPair(lab: Lab, parisFlags: readonly string[] = []): Promise<Pair> {
  const paris = await lab.start('paris', { flags: parisFlags });
  const tokyo = await lab.start('tokyo');
  const sender = await lab.login(paris);
  return { paris, tokyo, sender, receiver: await lab.login(tokyo) };
}

const treesDiffer = async (source: string, target: string): Promise<string[]> =>
  differences(await readTree(source), await readTree(`${target}/tree`));

describe('a transfer whose UDP packets are swallowed', () => {
  let lab: Lab;
  let hole: Awaited<ReturnType<typeof blackHole>>;
  let pair: Pair;
  let source = '';
  let big = '';

  beforeAll(async () => {
    lab = openLab();
    hole = await blackHole();
    pair = await startPair(lab);
    source = lab.path('source');
    big = lab.path('big');
    await makeSampleTree(source, { bigFileBytes: FILE_BYTES, smallFileCount: 100 });
    await makeSampleTree(big, { bigFileBytes: BIG_FILE_BYTES, smallFileCount: 10 });
  });

  afterAll(async () => {
    await lab[Symbol.asyncDispose]();
    await hole[Symbol.asyncDispose]();
  });

  const order = (target: string, more: Partial<Parameters<typeof orderTransfer>[0]>) =>
    orderTransfer({
      ...pair,
      receivingServer: pair.tokyo,
      udpPort: hole.port,
      source,
      target: lab.path(target),
      ...more,
    });

  it('completes over TCP below its ceiling, and says why', async () => {
    const { transferId } = await order('first', { sendRateMax: CEILING_KBPS });
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, pair.tokyo]);

    expect(await treesDiffer(source, lab.path('first'))).toEqual([]);
    expect(done.path).toBe('tcp');
    const silence = `no answer over UDP from ${LOOPBACK}:${hole.port} (?:within \\d+ s|when last tried \\d+ s ago)`;
    const streams = `\\d TLS streams? to port ${pair.tokyo.ready.apiPort} \\(.+\\)`;
    expect(done.pathReason).toMatch(new RegExp(`^${silence}; ${streams}$`));
    expect(done.blocksRetransmitted).toBe(0);
    const seconds = ((done.endTime ?? 0) - (done.startTime ?? 0)) / 1e6;
    expect((FILE_BYTES * 8) / 1000 / seconds).toBeLessThan(CEILING_KBPS * 1.1);
  });

  it('does not wait for UDP the next time', async () => {
    const { transferId } = await order('next', {});
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, pair.tokyo]);

    expect(await treesDiffer(source, lab.path('next'))).toEqual([]);
    expect(done.path).toBe('tcp');
    expect(done.pathReason).toContain('when last tried');
  });

  it('is not offered to a server with another key than expected', async () => {
    const { publicKey } = await pair.sender.server.getServerInfo();

    const { transferId } = await order('refused', { publicKey });
    const ended = await pair.sender.send.waitForTransfer(transferId, { timeoutSeconds: 60 });

    expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_identity_mismatch' });
    expect(existsSync(lab.path('refused', 'tree'))).toBe(false);
  });

  it('goes on after its streams were cut', async () => {
    await using relay = await relayTo(pair.tokyo.ready.apiPort);
    const { tokyo } = pair;
    const { transferId } = await order('cut', {
      receivingServer: { ...tokyo, ready: { ...tokyo.ready, apiPort: relay.port } },
      source: big,
      sendRateMax: SEND_RATE_MAX_KBPS,
    });
    await awaitDurable(pair.sender, transferId, HALFWAY_BYTES);

    expect(relay.cut()).toBeGreaterThan(1);
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, tokyo]);

    expect(await treesDiffer(big, lab.path('cut'))).toEqual([]);
    expect(done.path).toBe('tcp');
  });

  it('goes on after the receiver was killed and restarted', async () => {
    const { transferId } = await order('killed', {
      source: big,
      sendRateMax: SEND_RATE_MAX_KBPS,
    });
    const halfway = await awaitDurable(pair.sender, transferId, HALFWAY_BYTES);

    await pair.tokyo.kill();
    const tokyo = await lab.restart(pair.tokyo);
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, tokyo]);

    expect(await treesDiffer(big, lab.path('killed'))).toEqual([]);
    expect(done.path).toBe('tcp');
    expect(sentAgainOf(done, halfway)).toBeLessThan(HALFWAY_BYTES / 2);
  });
});

describe('a server with the fallback switched off', () => {
  it('neither sends nor receives over TCP, and the sender says so', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const pair = await startPair(lab, ['--tcp-fallback=false']);
    const { paris, tokyo, sender, receiver } = pair;
    const source = lab.path('source');
    await makeSampleTree(source, { bigFileBytes: 1000, smallFileCount: 1 });
    const wanted = { udpPort: hole.port, source, target: lab.path('target') };

    const sent = await orderTransfer({ ...wanted, ...pair, receivingServer: tokyo });
    const received = await orderTransfer({
      ...wanted,
      sender: receiver,
      receiver: sender,
      receivingServer: paris,
    });
    const messages = await Promise.all([
      expectUnreachable(sender, sent.transferId),
      expectUnreachable(receiver, received.transferId),
    ]);

    expect(messages[0]).toMatch(
      /did not answer for 30 s over UDP; the fallback to TCP is switched/,
    );
    expect(messages[1]).toContain(`over UDP; TCP port ${paris.ready.apiPort}: `);
    await sender.send.cancelTransfer(sent.transferId);
    await receiver.send.cancelTransfer(received.transferId);
  });
});

/** Waits until an attempt has ended without an answer. @returns What the transfer says of it. */
async function expectUnreachable(sender: Api, transferId: string): Promise<string> {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const { errorCode, errorMessage } = await sender.send.getTransfer(transferId);
    if (errorCode !== null) {
      expect(errorCode).toBe('destination_unreachable');
      return errorMessage;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The transfer has not been given up within 60 s');
}
