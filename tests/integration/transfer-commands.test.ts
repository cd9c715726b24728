import { writeFileSync } from 'node:fs';
import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { localKeyFile } from '../../scripts/server-client.js';
import { LOOPBACK } from '../../scripts/server-process.js';
import { openLab, runCli } from './servers.js';

it('lists, suspends, resumes, cancels and retries transfers from the command line', async () => {
  await using lab = openLab();
  const server = await lab.start('paris');
  const api = await lab.login(server);
  const source = lab.path('source', 'file.bin');
  writeFileSync(source, Buffer.alloc(5000));
  const manifest = await api.send.createManifest({ mappings: { '/file.bin': source } });
  await api.send.waitForManifest(manifest, { timeoutSeconds: 30 });
  // Nothing listens there.
  const destination = await api.send.createDestination(LOOPBACK, { destinationPort: 9 });
  const made = await api.send.createTransfer(manifest, destination);
  const { transferId } = made;
  const flags = [
    ...['--host', LOOPBACK, '--api-control-port', String(server.ready.apiPort)],
    ...['--local-key-file', localKeyFile(server)],
  ];
  const environment = { XDG_CONFIG_HOME: lab.path('config', 'x') };
  const run = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCli([...args, ...flags], environment);
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  expect(await run('transfers')).toContain(transferId);
  const [listed] = JSON.parse(await run('transfers', '--json')) as TransferStructure[];
  expect(listed).toMatchObject({ transferId, totalBytes: 5000 });
  expect(await run('suspend', transferId)).toMatch(new RegExp(`^${transferId}  suspended`));
  expect(await run('resume', transferId)).toMatch(/ {2}(queued|active) /);
  expect(await run('cancel', transferId, '--keep-partial')).toContain('  cancelled');
  expect(await run('retry', transferId)).toMatch(/ {2}(queued|active) /);
  const again = await runCli(['resume', transferId, ...flags], environment);
  expect(again.exitCode).toBe(1);
  expect(again.stderr).toMatch(/Cannot resume transfer .*, expected "suspended"/);
  const unknown = await runCli(['cancel', 'f'.repeat(32), ...flags], environment);
  expect(unknown.exitCode).toBe(4);
}, 60_000);
