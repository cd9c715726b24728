import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { STREAM_PROTOCOL } from '@jetstream/transport';
import { loadNativeTcp } from '@jetstream/udp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IncomingStream } from '../data/data-plane.js';
import { sortStreams } from './stream-sorter.js';

const LOOPBACK = '127.0.0.1';
const hasAddon = loadNativeTcp() !== null;

describe('sortStreams', () => {
  const calls: Buffer[] = [];
  const streams: IncomingStream[] = [];
  const clients: Socket[] = [];
  let server: Server;
  let port = 0;
  let changed: () => void = () => undefined;

  beforeEach(async () => {
    calls.length = 0;
    streams.length = 0;
    server = createServer((socket) => {
      socket.on('data', (bytes: Buffer) => {
        calls.push(bytes);
        changed();
      });
      socket.on('error', () => undefined);
      clients.push(socket);
    });
    sortStreams(server, (stream) => {
      streams.push(stream);
      changed();
    });
    server.listen(0, LOOPBACK);
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  });

  afterEach(() => {
    for (const { descriptor } of streams) closeSync(descriptor);
    for (const socket of clients.splice(0)) socket.destroy();
    server.close();
  });

  const dial = (): Socket => {
    const socket = connect(port, LOOPBACK);
    socket.on('error', () => undefined);
    clients.push(socket);
    return socket;
  };
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  };

  it('lets calls through with every byte, TLS or not', async () => {
    dial().write('GET / HTTP/1.1');
    await until(() => calls.length === 1);
    expect(String(calls[0])).toBe('GET / HTTP/1.1');
    const client = tls.connect({ socket: dial(), ALPNProtocols: ['http/1.1'] });
    client.on('error', () => undefined);
    await until(() => calls.length === 2);
    expect(calls[1]?.[0]).toBe(22);
    expect(streams).toEqual([]);
  });

  it.skipIf(!hasAddon)('hands streams over, whole and open', async () => {
    const client = tls.connect({ socket: dial(), ALPNProtocols: [STREAM_PROTOCOL] });
    client.on('error', () => undefined);
    await until(() => streams.length === 1);
    expect(streams[0]).toMatchObject({ address: LOOPBACK });
    expect(streams[0]?.head[0]).toBe(22);
    expect(calls).toEqual([]);
    // Had the connection been closed with the first descriptor, the client would know by now.
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.destroyed).toBe(false);
  });

  it.skipIf(!hasAddon)('waits for a first message that comes in pieces', async () => {
    const hello = await firstMessage();
    const socket = dial();
    socket.setNoDelay(true);
    for (const piece of [hello.subarray(0, 3), hello.subarray(3, 60), hello.subarray(60)]) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(() => streams.length === 1);
    expect(Buffer.from(streams[0]?.head ?? [])).toEqual(hello);
  });

  it('closes a connection that ends before it has said anything', async () => {
    const socket = dial();
    socket.end();
    socket.resume();
    await once(socket, 'close');
    expect([calls, streams]).toEqual([[], []]);
  });

  /** What a client of streams says first, taken down by a plain server. */
  async function firstMessage(): Promise<Buffer> {
    const scribe = createServer();
    scribe.listen(0, LOOPBACK);
    await once(scribe, 'listening');
    const address = scribe.address();
    const scribePort = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const client = tls.connect(scribePort, LOOPBACK, { ALPNProtocols: [STREAM_PROTOCOL] });
    client.on('error', () => undefined);
    const [socket] = (await once(scribe, 'connection')) as [Socket];
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    scribe.close();
    return bytes;
  }
});
