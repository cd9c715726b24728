/**
 * Attack 15, rclone GHSA-6jcg-q3wp-x2f4: messages that never end, or calls that never do, which fill the
 * memory of the server until the system ends it.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { localKeyFile } from '../../scripts/server-client.js';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { type Lab, openLab } from '../integration/servers.js';

const MIB = 1024 * 1024;
/** Nearly the largest message that there is. */
const BYTES = 15 * MIB;
const STRANGERS = 24;
/** Of one user: more than one user may have at once. */
const CALLS = 18;

const residentBytes = ({ ready }: ServerProcess): number => {
  const status = readFileSync(`/proc/${ready.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
};

function* pieces(): Generator<Buffer> {
  for (let sent = 0; sent < BYTES; sent += MIB) yield Buffer.alloc(MIB, ' ');
}

/** The status of an answer to a request that is sent up to its last byte, which never comes. */
const unfinishedPost = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket: TLSSocket = connectTls({ host: LOOPBACK, port, rejectUnauthorized: false });
    let heard = '';
    socket.on('secureConnect', () => {
      const length = `content-length: ${BYTES + 1}`;
      socket.write(
        `POST /rpc HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${length}\r\n\r\n`,
      );
      // A piece at a time: what the server no longer takes need not be made.
      Readable.from(pieces())
        .on('error', () => {})
        .pipe(socket, { end: false });
    });
    socket.on('data', (data: Buffer) => {
      heard += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard.split('\r\n')[0] ?? ''));
  });

const openSocket = async (port: number): Promise<WebSocket> => {
  const socket = new WebSocket(`wss://${LOOPBACK}:${port}/rpc`, { rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
};

const closeCode = async (socket: WebSocket): Promise<number> => {
  const [code] = (await once(socket, 'close')) as [number];
  return code;
};

/** A message in parts of which the last one never comes. */
const unfinishedMessage = async (port: number): Promise<number> => {
  const socket = await openSocket(port);
  const closed = closeCode(socket);
  for (const piece of pieces()) {
    if (socket.readyState !== socket.OPEN) break;
    await new Promise<void>((resolve) => socket.send(piece, { fin: false }, () => resolve()));
  }
  return closed;
};

const aliveFor = async (lab: Lab, server: ServerProcess): Promise<void> => {
  const api = await lab.login(server);
  expect(await api.server.echo({ text: 'alive' })).toBe('alive');
};

/** A call that lasts, as a text of 15 MiB of which most is nothing. */
const sleeping = (id: number): string => {
  const call = { jsonrpc: '2.0', id, method: 'sleep', params: { milliseconds: 600_000 } };
  return JSON.stringify(call).padEnd(BYTES, ' ');
};

describe('attack 15, rclone GHSA-6jcg-q3wp-x2f4: memory taken by what is never finished', () => {
  it('a stranger is cut off at what a login takes', { timeout: 180_000 }, async () => {
    await using lab = openLab();
    const server = await lab.start('paris');
    const { apiPort } = server.ready;
    const before = residentBytes(server);
    // Both times they try to leave 360 MB there.
    const posts = Array.from({ length: STRANGERS }, () => unfinishedPost(apiPort));
    const answers = await Promise.all(posts);
    // Some see the connection end before they have read the answer.
    for (const line of answers) expect(['', 'HTTP/1.1 413 Payload Too Large']).toContain(line);
    expect(residentBytes(server) - before).toBeLessThan(250 * MIB);
    const messages = Array.from({ length: STRANGERS }, () => unfinishedMessage(apiPort));
    const codes = await Promise.all(messages);
    for (const code of codes) expect([1006, 1009]).toContain(code);
    expect(residentBytes(server) - before).toBeLessThan(250 * MIB);
    await aliveFor(lab, server);
  });

  it('a user gets a share, and everybody else goes on', { timeout: 180_000 }, async () => {
    await using lab = openLab();
    const server = await lab.start('paris');
    const before = residentBytes(server);
    const { key } = JSON.parse(readFileSync(localKeyFile(server), 'utf8')) as { key: string };
    const socket = await openSocket(server.ready.apiPort);
    const login = { jsonrpc: '2.0', id: 0, method: 'authToken', params: { token: key } };
    socket.send(JSON.stringify(login));
    await once(socket, 'message');
    const closed = closeCode(socket);
    for (let id = 1; id <= CALLS; id += 1) socket.send(sleeping(id));
    expect([1006, 1013]).toContain(await closed);
    expect(residentBytes(server) - before).toBeLessThan(700 * MIB);
    await aliveFor(lab, server);
    // What the connection held was given back.
    const again = await openSocket(server.ready.apiPort);
    again.send(JSON.stringify(login));
    await once(again, 'message');
    again.send(
      JSON.stringify({ ...login, id: 1, method: 'echo', params: { text: 'x' } }).padEnd(BYTES),
    );
    const [answer] = (await once(again, 'message')) as [Buffer];
    expect(JSON.parse(String(answer))).toMatchObject({ id: 1, result: 'x' });
    again.close();
  });
});
