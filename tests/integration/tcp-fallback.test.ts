/** Where UDP does not pass, transfers go over TLS streams to the control port. */
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import type { Api } from '@jetstream/client';
import { describe, expect, it } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { awaitComplete, awaitDurable, type Lab, openLab, orderTransfer } from './servers.js';

const BIG_FILE_BYTES = 48 * 1024 * 1024;
/** Slow enough that there is time to interfere. */
const SEND_RATE_MAX_KBPS = 100_000;
const HALFWAY_BYTES = 12 * 1024 * 1024;

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
  readonly source: string;
  readonly target: string;
}

async function startPair(
  lab: Lab,
  { bytes, flags = [] }: { bytes: number; flags?: readonly string[] },
): Promise<Pair> {
  const paris = await lab.start('paris', { flags });
  const tokyo = await lab.start('tokyo', { flags });
  const source = lab.path('source');
  await makeSampleTree(source, { bigFileBytes: bytes, smallFileCount: 100 });
  return {
    paris,
    tokyo,
    sender: await lab.login(paris),
    receiver: await lab.login(tokyo),
    source,
    target: lab.path('target'),
  };
}

/** Orders a transfer that UDP cannot carry. */
const orderBlocked = (pair: Pair, udpPort: number, more: object = {}) =>
  orderTransfer({ ...pair, receivingServer: pair.tokyo, udpPort, ...more });

const expectEqualTrees = async ({ source, target }: Pair): Promise<void> => {
  expect(differences(await readTree(source), await readTree(`${target}/tree`))).toEqual([]);
};

describe.concurrent('a transfer whose UDP packets are swallowed', () => {
  it('completes over TCP and says why', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const pair = await startPair(lab, { bytes: 8 * 1024 * 1024 + 13 });

    const { transferId } = await orderBlocked(pair, hole.port);
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, pair.tokyo]);

    await expectEqualTrees(pair);
    expect(done.path).toBe('tcp');
    expect(done.pathReason).toMatch(
      new RegExp(
        `^no answer over UDP from ${LOOPBACK}:${hole.port} within \\d+ s; \\d TLS streams? to port ${pair.tokyo.ready.apiPort} \\(.+\\)$`,
      ),
    );
    expect(done.blocksRetransmitted).toBe(0);

    // The next one does not wait for UDP again.
    const next = await orderBlocked(pair, hole.port);
    const again = await awaitComplete(pair.sender, next.transferId, [pair.paris, pair.tokyo]);
    expect(again.path).toBe('tcp');
  });

  it('goes on after the receiver was killed and restarted', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const pair = await startPair(lab, { bytes: BIG_FILE_BYTES });
    const { transferId } = await orderBlocked(pair, hole.port, {
      sendRateMax: SEND_RATE_MAX_KBPS,
    });
    const halfway = await awaitDurable(pair.sender, transferId, HALFWAY_BYTES);

    await pair.tokyo.kill();
    const tokyo = await lab.restart(pair.tokyo);
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, tokyo]);

    await expectEqualTrees(pair);
    expect(done.path).toBe('tcp');
    const sentBytes = done.blocksSent * done.blockSize;
    expect(sentBytes).toBeLessThan((done.totalBytes ?? 0) + halfway.bytesDurable);
  });

  it('goes on after its streams were cut', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const pair = await startPair(lab, { bytes: BIG_FILE_BYTES });
    await using relay = await relayTo(pair.tokyo.ready.apiPort);
    const { tokyo } = pair;
    const viaRelay = { ...tokyo, ready: { ...tokyo.ready, apiPort: relay.port } };
    const { transferId } = await orderBlocked(pair, hole.port, {
      receivingServer: viaRelay,
      sendRateMax: SEND_RATE_MAX_KBPS,
    });
    await awaitDurable(pair.sender, transferId, HALFWAY_BYTES);

    expect(relay.cut()).toBeGreaterThan(1);
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, tokyo]);

    await expectEqualTrees(pair);
    expect(done.path).toBe('tcp');
  });

  it('is not offered to a server with another key than expected', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const pair = await startPair(lab, { bytes: 1000 });
    const { publicKey } = await pair.sender.server.getServerInfo();

    const { transferId } = await orderBlocked(pair, hole.port, { publicKey });
    const ended = await pair.sender.send.waitForTransfer(transferId, { timeoutSeconds: 60 });

    expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_identity_mismatch' });
    expect(existsSync(`${pair.target}/tree`)).toBe(false);
  });

  it('keeps the ceiling of its destination', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const bytes = 16 * 1024 * 1024;
    const pair = await startPair(lab, { bytes });
    const sendRateMax = 40_000;

    const { transferId } = await orderBlocked(pair, hole.port, { sendRateMax });
    const done = await awaitComplete(pair.sender, transferId, [pair.paris, pair.tokyo]);

    const seconds = ((done.endTime ?? 0) - (done.startTime ?? 0)) / 1e6;
    expect(done.path).toBe('tcp');
    expect((bytes * 8) / 1000 / seconds).toBeLessThan(sendRateMax * 1.1);
  });
});

describe.concurrent('a server with the fallback switched off', () => {
  it('does not send over TCP, and says so', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const pair = await startPair(lab, { bytes: 1000, flags: ['--tcp-fallback=false'] });

    const { transferId } = await orderBlocked(pair, hole.port);
    const message = await expectUnreachable(pair.sender, transferId);

    expect(message).toMatch(
      /did not answer for 30 s over UDP; the fallback to TCP is switched off/,
    );
    await pair.sender.send.cancelTransfer(transferId);
  });

  it('takes no streams', async () => {
    await using lab = openLab();
    await using hole = await blackHole();
    const paris = await lab.start('paris');
    const tokyo = await lab.start('tokyo', { flags: ['--tcp-fallback=false'] });
    const source = lab.path('source');
    await makeSampleTree(source, { bigFileBytes: 1000, smallFileCount: 1 });
    const sender = await lab.login(paris);
    const receiver = await lab.login(tokyo);

    const { transferId } = await orderTransfer({
      sender,
      receiver,
      receivingServer: tokyo,
      udpPort: hole.port,
      source,
      target: lab.path('target'),
    });
    const message = await expectUnreachable(sender, transferId);

    expect(message).toContain(`TCP port ${tokyo.ready.apiPort}: `);
    await sender.send.cancelTransfer(transferId);
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
