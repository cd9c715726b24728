import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import {
  CARRIER_ID_BYTES,
  decodeStreamAnswer,
  encodeStreamFrame,
  encodeStreamHello,
  STREAM_PROTOCOL,
} from '@jetstream/transport';
import { CARRIER_STREAMS_MAX, loadNativeTcp, StreamPacketIO } from '@jetstream/udp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openIdentity } from '../../adapters/tls/identity.js';
import { sortStreams } from '../../control/stream-sorter.js';
import { STREAMS_UNPROVEN_MAX, StreamDoor } from './stream-door.js';

const LOOPBACK = '127.0.0.1';
const ARENA_BYTES = 1 << 20;

describe.skipIf(loadNativeTcp() === null)('StreamDoor', () => {
  const clients: Socket[] = [];
  let server: Server;
  let io: StreamPacketIO;
  let door: StreamDoor;
  let port = 0;
  let stateDir = '';

  beforeEach(async () => {
    io = new StreamPacketIO({ arena: new Uint8Array(ARENA_BYTES), lost: () => undefined });
    stateDir = mkdtempSync(join(tmpdir(), 'jetstream-door-'));
    const facts = { stateDir, hostName: 'test', serverUid: 'uid', nowMs: Date.now() };
    door = new StreamDoor({ io, identity: openIdentity(facts) });
    server = createServer();
    sortStreams(server, (stream) => door.take(stream));
    server.listen(0, LOOPBACK);
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    door.close();
    await io.close();
    server.close();
    rmSync(stateDir, { recursive: true });
  });

  async function dial(): Promise<tls.TLSSocket> {
    const raw = connect(port, LOOPBACK);
    raw.on('error', () => undefined);
    clients.push(raw);
    const ALPNProtocols = [STREAM_PROTOCOL];
    const client = tls.connect({ socket: raw, ALPNProtocols, rejectUnauthorized: false });
    client.on('error', () => undefined);
    await once(client, 'secureConnect');
    expect(client.alpnProtocol).toBe(STREAM_PROTOCOL);
    return client;
  }

  async function introduce(carrier: number): Promise<ReturnType<typeof decodeStreamAnswer>> {
    const client = await dial();
    const id = new Uint8Array(CARRIER_ID_BYTES).fill(carrier);
    client.write(encodeStreamFrame(encodeStreamHello(id)));
    const [bytes] = (await once(client, 'data')) as [Buffer];
    return decodeStreamAnswer(bytes.subarray(2));
  }

  it('joins streams that name the same carrier', async () => {
    expect(await introduce(1)).toEqual({ taken: true });
    expect(await introduce(1)).toEqual({ taken: true });
    expect(io.carrierCount).toBe(1);
    expect(await introduce(2)).toEqual({ taken: true });
    expect(io.carrierCount).toBe(2);
  });

  it('takes only so many streams for one carrier', async () => {
    for (let i = 0; i < CARRIER_STREAMS_MAX; i += 1) await introduce(1);
    expect(await introduce(1)).toMatchObject({ taken: false });
  });

  it('closes what does not begin as it should', async () => {
    for (const junk of [
      [0, 0],
      [0xff, 0xff, 1],
      [0, 3, 9, 9, 9],
    ]) {
      const client = await dial();
      client.write(Buffer.from(junk));
      await once(client.resume(), 'close');
    }
    expect(io.carrierCount).toBe(0);
    expect(await introduce(1)).toEqual({ taken: true });
  });

  it('keeps few streams of one address that have proven nothing', async () => {
    for (let i = 0; i < STREAMS_UNPROVEN_MAX; i += 1) await dial();
    await expect(dial()).rejects.toThrow();
    clients[0]?.destroy();
    await expect
      .poll(
        () =>
          introduce(1).then(
            (answer) => answer?.taken,
            () => false,
          ),
        { timeout: 5000 },
      )
      .toBe(true);
  });
});
