/** Requests that end before they are any, against an HTTP server as the control API has it. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { refuseEarly } from './early-refusals.js';
import { CONTROL_LIMITS } from './limits.js';

let server: Server;

const listen = async (options: object = {}): Promise<void> => {
  server = createServer({ maxHeaderSize: CONTROL_LIMITS.httpHeaderBytesMax, ...options });
  server.on('request', (_request, response) => response.end('an answer'));
  server.on('clientError', (error, socket) => refuseEarly(error, socket as never));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
};
beforeEach(() => listen());
afterEach(() => new Promise((resolve) => server.close(resolve)));

/** All that comes back until the connection ends; `then` is sent when something has. */
const say = (pieces: readonly string[], then: string | null = null): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1', () => {
      for (const piece of pieces) socket.write(piece);
    });
    let heard = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      if (heard === '' && then !== null) socket.write(then);
      heard += text;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(heard));
  });

const parsed = (answer: string) => {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return {
    status: Number(head.split(' ')[1]),
    type: /content-type: (.*)/.exec(head)?.[1],
    length: Number(/content-length: (\d+)/.exec(head)?.[1]),
    bodyBytes: Buffer.byteLength(body),
    code: (JSON.parse(body) as { error: { code: string } }).error.code,
  };
};

const refused = (status: number, code: string) => ({
  status,
  code,
  type: 'application/json; charset=utf-8',
  length: expect.any(Number) as number,
  bodyBytes: expect.any(Number) as number,
});

describe('refuseEarly', () => {
  test('a head that is too large', async () => {
    const path = 'x'.repeat(CONTROL_LIMITS.httpHeaderBytesMax + 1);
    const answer = parsed(await say([`GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`]));
    expect(answer).toEqual(refused(431, 'message_too_large'));
    expect(answer.length).toBe(answer.bodyBytes);
  });

  test('what is sent behind a head that is too large takes no answer away', async () => {
    const part = 'x'.repeat(CONTROL_LIMITS.httpHeaderBytesMax);
    const pieces = Array.from({ length: 200 }, () => part);
    const answer = await say([`GET /${part}`, ...pieces]);
    expect(parsed(answer)).toEqual(refused(431, 'message_too_large'));
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('what is no HTTP', async () => {
    expect(parsed(await say(['nonsense\r\n\r\n']))).toEqual(refused(400, 'invalid_request'));
  });

  test('a head that does not arrive in time', async () => {
    await new Promise((resolve) => server.close(resolve));
    await listen({ headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 20 });
    expect(parsed(await say(['GET / HTTP/1.1\r\nHost:']))).toEqual(refused(408, 'timeout'));
  });

  test('nothing is put into an answer that has begun', async () => {
    server.removeAllListeners('request');
    server.on('request', (_request, response) => response.write('begun'));
    const answer = await say(['GET / HTTP/1.1\r\nHost: a\r\n\r\n'], 'nonsense\r\n\r\n');
    expect(answer).toContain('200 OK');
    expect(answer).not.toContain('invalid_request');
  });
});
