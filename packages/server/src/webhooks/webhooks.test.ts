import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../adapters/log/logger.js';
import { FollowerLab } from '../events/follower-lab.conformance.js';
import { isPublicAddress } from './address-guard.js';
import { DELIVERIES_KEPT_MAX, RETRY_SECONDS, WebhookCourier } from './webhook-courier.js';
import { parseWebhookUrl, sendWebhook } from './webhook-sender.js';
import { checkWebhookSecret, makeWebhookSecret, webhookHeaders } from './webhook-signature.js';
import { type WebhookRow, WebhookStore } from './webhook-store.js';

interface Received {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let lab: FollowerLab;
let receiver: http.Server;
let url: string;
let answer: (response: http.ServerResponse, received: Received) => void;
const received: Received[] = [];
const couriers: WebhookCourier[] = [];

beforeEach(async () => {
  lab = await FollowerLab.open();
  received.length = 0;
  answer = (response) => response.writeHead(204).end();
  receiver = http.createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      const one = { headers: request.headers, body };
      received.push(one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterEach(async () => {
  for (const courier of couriers.splice(0)) await courier.stop();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await lab.close();
});

const storeOf = (): WebhookStore => new WebhookStore(lab.database.db, lab.commits);

const startCourier = async (allowPrivate = true): Promise<WebhookCourier> => {
  const { events, clock } = lab;
  const settled = (): Promise<void> => Promise.resolve();
  const store = storeOf();
  const options = { store, events, settled, allowPrivate, clock, logger: silentLogger };
  const courier = new WebhookCourier(options);
  couriers.push(courier);
  events.onAppended(() => courier.wake());
  await courier.start();
  return courier;
};

const addHook = (events: readonly string[] = ['*']): Promise<WebhookRow> =>
  storeOf().add({
    ...{ id: 'wh_1', url, secret: makeWebhookSecret(), description: '' },
    ...{ events: JSON.stringify(events), creationTimeUs: 1 },
  });

const log = (): Promise<Awaited<ReturnType<WebhookStore['list']>>> =>
  storeOf().list('wh_1', { beforeId: Number.MAX_SAFE_INTEGER, limit: 10_000 });

describe('signatures', () => {
  it('are those of Standard Webhooks', () => {
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1_614_265_330,
      body: '{"test": 2432232314}',
    };
    expect(webhookHeaders(message, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')).toEqual({
      'webhook-id': message.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('need a real secret', () => {
    expect(() => checkWebhookSecret(makeWebhookSecret())).not.toThrow();
    for (const bad of [
      '',
      'whsec_',
      'whsec_c2hvcnQ=',
      `${makeWebhookSecret()}\n`,
      'x'.repeat(40),
    ]) {
      expect(() => checkWebhookSecret(bad)).toThrow('Cannot use "secret"');
    }
  });
});

describe('where webhooks may go', () => {
  it.each([
    '127.0.0.1',
    '127.8.8.8',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.0.8',
    '198.18.0.1',
    '::1',
    '::',
    'fe80::1',
    'fec0::1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:db8::1',
    'nonsense',
    '',
  ])('not to %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['8.8.8.8', '172.32.0.1', '192.169.0.1', '2606:4700::1111', '2a00:1450::1'])(
    'to %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    'ftp://x.example/',
    'file:///etc/passwd',
    'gopher://x',
    'nothing',
    'https://user:pw@x.example/',
    'https://x.example/#part',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:7f00:1]/',
    'http://169.254.169.254/latest',
  ])('not to %s', (text) => {
    expect(() => parseWebhookUrl(text, false)).toThrow('Cannot use "url"');
  });

  it('not to a name that means such an address, whatever it meant before', async () => {
    const { port } = new URL(url);
    const { signal } = new AbortController();
    const attempt = { url: `http://localhost:${port}/`, headers: {}, body: '{}', signal };
    const refused = await sendWebhook({ ...attempt, allowPrivate: false });
    expect(refused.error).toContain('is a loopback, link-local or private address');
    expect(received).toEqual([]);
    expect(await sendWebhook({ ...attempt, allowPrivate: true })).toEqual({
      httpStatus: 204,
      error: null,
    });
  });
});

describe('deliveries', () => {
  it('are events as they are in the log, signed, once each when all goes well', async () => {
    const hook = await addHook(['userAdded']);
    await startCourier();
    await lab.events.append('userAdded', { userName: 'ann' });
    await lab.events.append('userLocked', { userName: 'ann' });
    await lab.events.append('userAdded', { userName: 'bob' });
    await lab.until(() => received.length === 2);
    await lab.until(async () => (await log()).every(({ status }) => status === 'delivered'));
    const [first] = received.sort((a, b) => (a.body < b.body ? -1 : 1));
    const headers: http.IncomingHttpHeaders = first?.headers ?? {};
    const body = first?.body ?? '';
    const [id, timestamp] = [headers['webhook-id'], headers['webhook-timestamp']].map(String);
    expect(JSON.parse(body)).toMatchObject({
      type: 'userAdded',
      eventSeq: 1,
      data: { userName: 'ann' },
    });
    expect(id).toBe('wh_1.1');
    const message = { id: id ?? '', timestamp: Number(timestamp), body };
    expect(headers).toMatchObject(webhookHeaders(message, hook.secret));
    expect(await log()).toHaveLength(2);
  });

  it('that fail are tried again, later and later, and given up after the last pause', async () => {
    await addHook(['userAdded']);
    answer = (response) => response.writeHead(503).end();
    await startCourier();
    await lab.events.append('userAdded', { userName: 'ann' });
    for (const [index, pause] of RETRY_SECONDS.entries()) {
      await lab.until(async () => (await log())[0]?.attempts === index + 1 || undefined);
      const [row] = await log();
      expect(row).toMatchObject({ status: 'pending', httpStatus: 503 });
      expect((row?.nextTime ?? 0) - (row?.lastTime ?? 0)).toBe(pause * 1e6);
      lab.clock.advance(pause * 1000 + 1000);
    }
    await lab.until(async () => (await log())[0]?.status === 'failed' || undefined);
    const attempts = RETRY_SECONDS.length + 1;
    expect(received).toHaveLength(attempts);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(await lab.told('webhookGivenUp')).toEqual([
      { webhookId: 'wh_1', eventSeq: 1, attempts, errorMessage: 'the receiver has answered 503' },
    ]);
  });

  it('follow no redirect and read no more than the status', async () => {
    await addHook();
    let isFirst = true;
    answer = (response) => {
      if (isFirst) response.writeHead(302, { location: `${url}/elsewhere` }).end();
      else {
        response.writeHead(200);
        response.on('error', () => undefined);
        for (let n = 0; n < 100; n += 1) response.write('x'.repeat(100_000));
      }
      isFirst = false;
    };
    await startCourier();
    await lab.events.append('userAdded', { userName: 'ann' });
    await lab.until(async () => (await log())[0]?.attempts === 1 || undefined);
    expect(received).toHaveLength(1);
    expect((await log())[0]).toMatchObject({ status: 'pending', httpStatus: 302 });
    lab.clock.advance(6000);
    await lab.until(async () => (await log())[0]?.status === 'delivered' || undefined);
  });

  it('go on where they were after a break at any moment: none is missed', async () => {
    await addHook();
    answer = () => undefined;
    const first = await startCourier();
    for (let n = 0; n < 5; n += 1) await lab.events.append('userAdded', { userName: `u${n}` });
    await lab.until(() => received.length === 2);
    await first.stop();
    for (let n = 5; n < 9; n += 1) await lab.events.append('userAdded', { userName: `u${n}` });
    answer = (response) => response.writeHead(200).end();
    await startCourier();
    await lab.until(
      async () => (await log()).filter(({ status }) => status === 'delivered').length === 9,
    );
    const names = received.map(
      ({ body }) => (JSON.parse(body) as { data: { userName: string } }).data.userName,
    );
    expect(new Set(names)).toEqual(new Set(Array.from({ length: 9 }, (_, n) => `u${n}`)));
  });

  it('that have ended are forgotten in time', async () => {
    const store = storeOf();
    await addHook();
    for (let n = 0; n < 30; n += 1) await lab.events.append('userAdded', { userName: `u${n}` });
    await startCourier();
    await lab.until(
      async () => (await log()).filter(({ status }) => status === 'delivered').length === 30,
    );
    await store.trim('wh_1', DELIVERIES_KEPT_MAX);
    expect(await log()).toHaveLength(30);
    await store.trim('wh_1', 10);
    expect((await log()).map(({ deliveryId }) => deliveryId)).toEqual([
      30, 29, 28, 27, 26, 25, 24, 23, 22, 21,
    ]);
  });
});
