import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { makeSampleTree } from '../../scripts/sample-tree.js';
import { awaitComplete, type Lab, openLab, orderTransfer } from './servers.js';

const until = async (what: string, check: () => boolean): Promise<void> => {
  const deadline = performance.now() + 60_000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`It took more than 60 s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const writeTriggers = (lab: Lab, name: string, triggers: readonly string[]): string => {
  const directory = lab.path(`${name}-triggers`);
  mkdirSync(directory, { mode: 0o755 });
  for (const trigger of triggers) {
    const file = `${directory}/${trigger}`;
    writeFileSync(file, `#!/bin/sh\necho "${trigger} $1 $2 $3" >>${lab.path(`${name}.log`)}\n`);
    chmodSync(file, 0o755);
  }
  return directory;
};

it('triggers run on both servers, and never before what they tell of is there', async () => {
  await using lab = openLab();
  const log = (name: string): string => {
    const file = lab.path(`${name}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  const sends = ['launch', 'send.destinationCreated', 'send.transferComplete'];
  const paris = await lab.start('paris', {
    flags: [`--trigger-dir=${writeTriggers(lab, 'paris', sends)}`],
  });
  const received = writeTriggers(lab, 'tokyo', ['recv.transferStarted']);
  const target = lab.path('target');
  const arrival = `${received}/recv.transferComplete`;
  writeFileSync(
    arrival,
    `#!/bin/sh\n{ echo "$1 $2"; ls ${target}/tree | wc -l; test -f "$4" && echo receipt; } >${lab.path('tokyo.log')}.end\n`,
  );
  chmodSync(arrival, 0o755);
  const tokyo = await lab.start('tokyo', { flags: [`--trigger-dir=${received}`] });
  const sender = await lab.login(paris);
  const receiver = await lab.login(tokyo);
  const source = lab.path('source');
  await makeSampleTree(source, { bigFileBytes: 100_000, smallFileCount: 5 });
  const order = { sender, receiver, receivingServer: tokyo, source, target };
  const { transferId, totalFiles } = await orderTransfer(order);
  await awaitComplete(sender, transferId, [paris, tokyo]);
  await until('all have run', () => log('paris').includes('transferComplete'));
  await until('the arrival is told', () => log('tokyo').includes('Started'));
  await until('the arrival is whole', () => existsSync(`${lab.path('tokyo.log')}.end`));
  expect(log('paris').split('\n')).toContain(`launch ${paris.ready.apiPort}  `);
  const { recvPort } = tokyo.ready;
  const ends = `127.0.0.1:${recvPort} 127.0.0.1:${paris.ready.recvPort}`;
  expect(log('paris')).toContain(`send.destinationCreated ${ends}`);
  const file = `${lab.path('tokyo.log')}.end`;
  await until('the last line is there', () => readFileSync(file, 'utf8').includes('receipt'));
  expect(readFileSync(file, 'utf8')).toContain(`${transferId} ${totalFiles}\n`);
});

it('a webhook misses nothing when the server is killed while it delivers', async () => {
  await using lab = openLab();
  const bodies: { id: string; type: string; user: string }[] = [];
  let isSilent = true;
  const hooks = http.createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += String(part);
    });
    request.on('end', () => {
      const { type, data } = JSON.parse(body) as { type: string; data: { address?: string } };
      bodies.push({ id: String(request.headers['webhook-id']), type, user: data.address ?? '' });
      if (!isSilent) response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => hooks.listen(0, '127.0.0.1', resolve));
  try {
    const paris = await lab.start('paris', { flags: ['--webhook-allow-private'] });
    const api = await lab.login(paris);
    await api.server.superuser();
    const url = `http://127.0.0.1:${(hooks.address() as AddressInfo).port}/`;
    const { webhookId } = await api.server.createWebhook(url, ['externalAddressSet']);
    for (let n = 0; n < 6; n += 1) await api.server.setExternalAddress(`a${n}.example`);
    await until('a delivery is under way', () => bodies.length > 0);
    await paris.kill();
    isSilent = false;
    const again = await lab.login(await lab.restart(paris));
    await until('all have come', () => new Set(bodies.map(({ user }) => user)).size === 6);
    // What was not answered comes again under the same id.
    const [first] = bodies;
    await until('it has come again', () => bodies.filter(({ id }) => id === first?.id).length > 1);
    await again.server.superuser();
    const isDone = async (): Promise<boolean> => {
      const { deliveries } = await again.server.getWebhookDeliveries(webhookId);
      return deliveries.length === 6 && deliveries.every(({ status }) => status === 'delivered');
    };
    const deadline = performance.now() + 30_000;
    while (!(await isDone()) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await isDone()).toBe(true);
  } finally {
    hooks.closeAllConnections();
    hooks.close();
  }
});
