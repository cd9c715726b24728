/** Connections to the server under test that send what no client would. */
import { request } from 'node:https';
import { WebSocket } from 'ws';
import { target } from '../conformance/harness/sessions.js';

/** A machine that other work stalls answers within this; what hangs does not. */
const HANGS_MS = 60_000;

export interface RawAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** One HTTP request, sent as given; rejects when the server cuts the connection. */
export const rawHttp = (
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        host: target.host,
        port: target.apiPort,
        path,
        method: options.method ?? 'POST',
        headers: { 'content-type': 'application/json', ...options.headers },
        rejectUnauthorized: false,
        agent: false,
        timeout: HANGS_MS,
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text: Buffer.concat(parts).toString('utf8'),
          }),
        );
      },
    );
    sent.on('timeout', () =>
      sent.destroy(new Error(`no answer to ${path} within ${HANGS_MS / 1000} s`)),
    );
    sent.on('error', reject);
    sent.end(options.body);
  });

/** `Authorization` of a user. */
export const basic = ({ userName, password }: { userName: string; password: string }): string =>
  `Basic ${Buffer.from(`${userName}:${password}`).toString('base64')}`;

/** A WebSocket at `/rpc` that sends texts and bytes as they are. */
export interface RawSocket {
  send(data: string | Buffer): void;
  /** The next message; rejects when the connection closes first. */
  next(): Promise<string>;
  close(): void;
}

export const rawSocket = async (): Promise<RawSocket> => {
  const url = `wss://${target.host}:${target.apiPort}/rpc`;
  const socket = new WebSocket(url, { rejectUnauthorized: false });
  const arrived: string[] = [];
  let wake: () => void = () => {};
  socket.on('message', (data) => {
    arrived.push(String(data));
    wake();
  });
  socket.on('close', () => wake());
  socket.on('error', () => wake());
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  return {
    send: (data) => socket.send(data),
    next: async () => {
      while (arrived.length === 0) {
        if (socket.readyState !== socket.OPEN) throw new Error('the connection was closed');
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return arrived.shift() as string;
    },
    close: () => socket.terminate(),
  };
};
