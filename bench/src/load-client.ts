/**
 * Makes calls as fast as a server answers them, from a process of its own. It speaks WebSocket and
 * HTTP by itself over one socket each, so that a client library is not what is measured.
 *
 * Usage: node bench/dist/load-client.js JSON, a {@link LoadOrder}
 *
 * Prints one line of JSON, a {@link LoadReport}, and ends; `idle` prints it when all sessions are
 * open and ends when its standard input closes.
 */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';

/** What to do. */
export interface LoadOrder {
  readonly kind: 'ws' | 'http' | 'idle';
  readonly port: number;
  readonly secure: boolean;
  /** HTTP: path and body of each request, and text that each answer holds. */
  readonly path: string;
  readonly body: string;
  readonly expected: string;
  readonly token: string | null;
  /** WebSocket: calls in flight; HTTP: connections with one call each; idle: sessions. */
  readonly parallel: number;
  readonly seconds: number;
}

/** What was measured. */
export interface LoadReport {
  readonly calls: number;
  readonly seconds: number;
  /** CPU seconds of this process: near `seconds`, the client was the limit. */
  readonly cpuSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const HOST = '127.0.0.1';
const HEAD_END = Buffer.from('\r\n\r\n');
const FINAL_TEXT = 0x81;
const MASKED = 0x80;
const LENGTH_16 = 126;

async function open(order: LoadOrder): Promise<Socket> {
  const { port, secure } = order;
  const socket = secure
    ? connectTls({ host: HOST, port, rejectUnauthorized: false })
    : connectTcp({ host: HOST, port });
  await once(socket, secure ? 'secureConnect' : 'connect');
  socket.setNoDelay(true);
  return socket;
}

/** A client's frame must be masked; a mask of zeros leaves the text as it is. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text, 'utf8');
  const head =
    payload.length < LENGTH_16
      ? Buffer.from([FINAL_TEXT, MASKED | payload.length, 0, 0, 0, 0])
      : Buffer.from([
          FINAL_TEXT,
          MASKED | LENGTH_16,
          payload.length >> 8,
          payload.length & 0xff,
          0,
          0,
          0,
          0,
        ]);
  return Buffer.concat([head, payload]);
}

const call = (id: number, method: string, params: object): Buffer =>
  frame(JSON.stringify({ jsonrpc: '2.0', id, method, params }));

/** Takes whole text messages out of a stream of frames. */
class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  messages(data: Buffer): string[] {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    const found: string[] = [];
    let at = 0;
    while (at + 2 <= bytes.length) {
      const short = bytes[at + 1] as number;
      const start = at + (short === LENGTH_16 ? 4 : 2);
      if (start > bytes.length) break;
      const length = short === LENGTH_16 ? bytes.readUInt16BE(at + 2) : short;
      if (start + length > bytes.length) break;
      // Pings need no answer as long as a measurement lasts.
      if (bytes[at] === FINAL_TEXT) found.push(bytes.toString('utf8', start, start + length));
      at = start + length;
    }
    this.#rest = bytes.subarray(at);
    return found;
  }
}

interface Session {
  readonly socket: Socket;
  readonly reader: FrameReader;
}

/** A WebSocket that is logged in. */
async function openSession(order: LoadOrder): Promise<Session> {
  const socket = await open(order);
  const lines = [
    'GET /rpc HTTP/1.1',
    `Host: ${HOST}:${order.port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(`Refused: ${String(head)}`);
  const reader = new FrameReader();
  socket.write(call(0, 'authToken', { token: order.token }));
  for (;;) {
    const [data] = (await once(socket, 'data')) as [Buffer];
    const [reply] = reader.messages(data);
    if (reply === undefined) continue;
    if (!reply.includes('"result":null')) throw new Error(`Cannot log in: ${reply}`);
    return { socket, reader };
  }
}

/** Counts calls until the time is over. */
class Tally {
  readonly #endsAt: number;
  readonly #latencies: number[] = [];
  readonly #started = performance.now();
  readonly #cpu = process.cpuUsage();

  constructor(seconds: number) {
    this.#endsAt = this.#started + seconds * 1000;
  }

  get over(): boolean {
    return performance.now() >= this.#endsAt;
  }

  note(ms: number): void {
    this.#latencies.push(ms);
  }

  report(): LoadReport {
    const seconds = (performance.now() - this.#started) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    const sorted = Float64Array.from(this.#latencies).sort();
    const quantile = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
    return {
      calls: sorted.length,
      seconds,
      cpuSeconds: (user + system) / 1e6,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
    };
  }
}

async function loadWebSocket(order: LoadOrder): Promise<LoadReport> {
  const { socket, reader } = await openSession(order);
  const tally = new Tally(order.seconds);
  const sentAt = new Map<number, number>();
  let nextId = 1;
  const send = (count: number): void => {
    const now = performance.now();
    const frames: Buffer[] = [];
    for (let i = 0; i < count; i += 1) {
      sentAt.set(nextId, now);
      frames.push(call(nextId, 'echo', { text: `text ${nextId}` }));
      nextId += 1;
    }
    socket.write(Buffer.concat(frames));
  };
  send(order.parallel);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('The server has closed the session')));
    socket.on('data', (data: Buffer) => {
      const replies = reader.messages(data);
      const now = performance.now();
      for (const text of replies) {
        const { id, result } = JSON.parse(text) as { id: number; result?: unknown };
        const sent = sentAt.get(id);
        if (sent === undefined || result !== `text ${id}`) {
          reject(new Error(`A wrong reply: ${text}`));
          return;
        }
        sentAt.delete(id);
        tally.note(now - sent);
      }
      if (tally.over) resolve();
      else if (replies.length > 0) send(replies.length);
    });
  });
  return tally.report();
}

/** Length of the first whole response; 0 when it is not all there. */
function responseLength(bytes: Buffer, expected: string): number {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return 0;
  const head = bytes.toString('latin1', 0, headEnd);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
  const end = headEnd + HEAD_END.length + length;
  if (bytes.length < end) return 0;
  if (!head.startsWith('HTTP/1.1 200') || !bytes.includes(expected, headEnd)) {
    throw new Error(`A wrong answer: ${bytes.toString('utf8', 0, 500)}`);
  }
  return end;
}

async function loadConnection(order: LoadOrder, tally: Tally): Promise<void> {
  const socket = await open(order);
  const lines = [
    `POST ${order.path} HTTP/1.1`,
    `Host: ${HOST}:${order.port}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(order.body)}`,
    ...(order.token === null ? [] : [`Authorization: Bearer ${order.token}`]),
  ];
  const request = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${order.body}`);
  let sentAt = performance.now();
  let rest: Buffer = Buffer.alloc(0);
  socket.write(request);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('The server has closed the connection')));
    socket.on('data', (data: Buffer) => {
      rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
      let length = 0;
      try {
        length = responseLength(rest, order.expected);
      } catch (error) {
        reject(error);
      }
      if (length === 0) return;
      rest = rest.subarray(length);
      const now = performance.now();
      tally.note(now - sentAt);
      if (tally.over) {
        resolve();
        return;
      }
      sentAt = now;
      socket.write(request);
    });
  });
}

async function loadHttp(order: LoadOrder): Promise<LoadReport> {
  const tally = new Tally(order.seconds);
  const connections = Array.from({ length: order.parallel }, () => loadConnection(order, tally));
  await Promise.all(connections);
  return tally.report();
}

async function openIdle(order: LoadOrder): Promise<LoadReport> {
  const tally = new Tally(0);
  for (let opened = 0; opened < order.parallel; opened += 1) {
    const { socket } = await openSession(order);
    // Whatever the server says from now on is pings.
    socket.resume();
    tally.note(0);
  }
  return tally.report();
}

async function main(order: LoadOrder): Promise<void> {
  const report =
    order.kind === 'ws'
      ? await loadWebSocket(order)
      : order.kind === 'http'
        ? await loadHttp(order)
        : await openIdle(order);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (order.kind === 'idle') await once(process.stdin.resume(), 'close');
  process.exit(0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(JSON.parse(process.argv[2] ?? '') as LoadOrder);
}
