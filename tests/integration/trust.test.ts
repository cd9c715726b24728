/** Who is let in, and whom a client believes. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openLab, runCli } from './servers.js';

it('refuses a wrong password and keeps the connection', async () => {
  await using lab = openLab();
  const server = await lab.start('paris');
  const api = lab.client(server);
  await api.connect();

  await expect(api.server.auth('nobody-here', 'wrong')).rejects.toMatchObject({
    name: 'CommandError',
    code: 'auth_failed',
  });
  await expect(api.server.echo({ text: 'x' })).rejects.toMatchObject({
    code: 'not_authenticated',
  });
  await expect(api.server.getServerInfo()).resolves.toMatchObject({ serverName: 'paris' });
});

it('logs a built-in user in with the right password only', async () => {
  await using lab = openLab();
  const server = await lab.start('paris');
  const added = await runCli(['users', 'add', 'ann', `--persistent-state-dir=${server.stateDir}`], {
    JETSTREAM_NEW_PASSWORD: 'correct horse battery',
  });
  expect(added, added.stderr).toMatchObject({ exitCode: 0 });
  const api = lab.client(server);
  await api.connect();

  await expect(api.server.auth('ann', 'correct horse')).rejects.toMatchObject({
    code: 'auth_failed',
  });
  await api.server.auth('ann', 'correct horse battery');
  await expect(api.server.echo({ text: 'x' })).resolves.toBe('x');
  await expect(api.server.getServerInfo()).resolves.toMatchObject({ userName: 'ann' });
});

it('refuses a local key that is not the one of this server', async () => {
  await using lab = openLab();
  const server = await lab.start('paris');
  const api = lab.client(server);
  await api.connect();

  await expect(api.server.authToken(`jsk.${'0'.repeat(64)}`)).rejects.toMatchObject({
    code: 'auth_failed',
  });
});

it('refuses a server that shows another certificate than before, and says what to do', async () => {
  await using lab = openLab();
  const first = await lab.start('paris');
  const api = lab.client(first);
  await api.connect();
  await api.close();
  await first.stop();
  const impostor = await lab.start('impostor', { apiPort: first.ready.apiPort });

  const error: unknown = await lab
    .client(impostor)
    .connect()
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );

  expect(error).toMatchObject({ name: 'CommandError', code: 'server_identity_changed' });
  expect(String(error)).toContain('known_servers');
});

it('trusts the same server again after a restart', async () => {
  await using lab = openLab();
  const first = await lab.start('paris');
  const before = lab.client(first);
  await before.connect();
  const { serverUid, publicKey } = await before.server.getServerInfo();
  await before.close();
  expect(await first.stop()).toBe(0);

  const again = lab.client(await lab.restart(first));
  await again.connect();
  await expect(again.server.getServerInfo()).resolves.toMatchObject({ serverUid, publicKey });
});

it('creates its secrets readable by their owner only', async () => {
  await using lab = openLab();
  const server = await lab.start('paris');
  expect(statSync(server.stateDir).mode & 0o077).toBe(0);
  expect(statSync(join(server.stateDir, 'local.key')).mode & 0o077).toBe(0);
});
