import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { makeSampleTree } from '../../scripts/sample-tree.js';
import { awaitComplete, openLab, orderTransfer, runCli } from './servers.js';

it('both servers sign what was delivered, and anybody can check it without their disks', async () => {
  await using lab = openLab();
  const paris = await lab.start('paris');
  const tokyo = await lab.start('tokyo');
  const sender = await lab.login(paris);
  const receiver = await lab.login(tokyo);
  const source = lab.path('source');
  const target = lab.path('target');
  await makeSampleTree(source, { bigFileBytes: 700_000, smallFileCount: 30 });
  const order = { sender, receiver, receivingServer: tokyo, source, target };
  const { transferId } = await orderTransfer(order);
  await awaitComplete(sender, transferId, [paris, tokyo]);

  const sent = await sender.send.getReceipt(transferId);
  const received = await receiver.recv.getReceipt(transferId);
  expect([sent.role, received.role]).toEqual(['sender', 'receiver']);
  const files = { sent: lab.path('sent.jsonl'), received: lab.path('received.jsonl') };
  writeFileSync(files.sent, sent.text);
  writeFileSync(files.received, received.text);
  const lines = (text: string): unknown[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  expect(lines(sent.text).slice(1, -2)).toEqual(lines(received.text).slice(1, -2));

  const { publicKey } = await receiver.server.getServerInfo();
  const checked = ['receipt', 'verify', files.received, '--key', publicKey, '--tree', target];
  expect(await runCli(checked)).toMatchObject({ exitCode: 0 });
  expect(await runCli(['receipt', 'verify', files.sent])).toMatchObject({ exitCode: 0 });
  const wrongKey = await runCli(['receipt', 'verify', files.sent, '--key', publicKey]);
  expect(wrongKey.exitCode).toBe(6);

  const { apiPort } = tokyo.ready;
  const place = ['--host=127.0.0.1', `--api-control-port=${apiPort}`];
  const key = `--local-key-file=${tokyo.stateDir}/local.key`;
  const listed = await runCli(['receipt', 'export', transferId, '--format=b3sum', ...place, key]);
  expect(listed).toMatchObject({ exitCode: 0 });
  expect(listed.stdout).toMatch(/^\\?[0-9a-f]{64} {2}tree\//m);

  const output = lab.path('exports', 'list');
  const exported = ['receipt', 'export', files.received, '--output', output];
  const unread = await runCli([...exported, '--format=sha256sum']);
  expect(unread).toMatchObject({ exitCode: 2 });
  expect(unread.stderr).toContain('--tree');
  expect(existsSync(output)).toBe(false);
  const written = await runCli([...exported, '--format=sha256sum', '--tree', target]);
  expect(written).toMatchObject({ exitCode: 0 });
  execFileSync('sha256sum', ['--check', '--quiet', output], { cwd: target });
  const twice = await runCli([...exported, '--format=b3sum']);
  expect(twice).toMatchObject({ exitCode: 1 });
  expect(twice.stderr).toContain(`Cannot write "${output}": it exists already`);

  const big = /"path":"(\/tree\/[^"\\]*)","kind":"file","size":700000/.exec(received.text)?.[1];
  const file = `${target}${big}`;
  const content = readFileSync(file);
  content[5] = (content[5] ?? 0) ^ 1;
  writeFileSync(file, content);
  const changed = await runCli(checked);
  expect(changed.exitCode).toBe(7);
  expect(changed.stderr).toContain(big);
});
