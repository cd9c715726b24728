/** The examples of the reference's page, written with the client as a user would write them. */
import { CommandError, JetStream, MemoryKnownServers } from '@jetstream/client';
import { expect, it } from 'vitest';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { type Lab, openLab, runCli } from '../integration/servers.js';

const PASSWORD = 'correct horse battery staple';

/** A server with the user `jsmith`, and a client that is connected to it. */
const open = async (lab: Lab, name: string) => {
  const server: ServerProcess = await lab.start(name);
  const added = await runCli(
    ['users', 'add', 'jsmith', `--persistent-state-dir=${server.stateDir}`],
    { JETSTREAM_NEW_PASSWORD: PASSWORD },
  );
  expect(added.exitCode, added.stderr).toBe(0);
  const jetstream = new JetStream({
    knownServers: new MemoryKnownServers(),
    localKeyFile: false,
  });
  const api = jetstream.api(LOOPBACK, server.ready.apiPort);
  await api.connect();
  return { server, api };
};

it('logs in, submits a request, polls it and fetches its result', async () => {
  await using lab = openLab();
  const { api } = await open(lab, 'paris');
  await using _closed = api;

  // getServerInfo() works before a login, everything else after it.
  expect((await api.server.getServerInfo()).authRequired).toBe(true);
  await expect(api.server.echo({ text: 'hi' })).rejects.toBeInstanceOf(CommandError);
  await api.server.auth('jsmith', PASSWORD);
  expect(await api.server.echo({ text: 'hi' })).toBe('hi');

  const path = lab.path('new', 'directory');
  const request = await api.server.mkdirAsync(path);
  for (;;) {
    const status = await api.server.getRequestStatus(request);
    if (status.status !== 'pending') {
      expect(status).toMatchObject({ status: 'success', errorMessage: '' });
      break;
    }
  }
  expect(await api.server.getRequestResult(request)).toBeNull();

  const listing = await api.server.getRequestResult(await api.server.lsAsync(lab.path('new')));
  expect(listing).toMatchObject({ files: [{ name: 'directory', type: 2 }] });
  await expect(
    api.server.getRequestResult(await api.server.rmAsync(lab.path('none'))),
  ).rejects.toMatchObject({ name: 'CommandError' });
});

it('logs in by authAsync, by user name and by token', async () => {
  await using lab = openLab();
  const { server, api } = await open(lab, 'paris');
  await using _closed = api;
  const login = await api.server.authAsync({ userName: 'jsmith', password: PASSWORD });
  expect(await api.server.getRequestResult(login)).toBeNull();
  const { token } = await api.server.createAPIToken({ description: 'a script', password: 'x' });

  await using script = lab.client(server);
  await script.connect();
  await script.server.authToken(token, { password: 'x' });
  expect(await script.server.getServerInfo()).toMatchObject({ userName: 'jsmith' });
  await api.server.deleteAPIToken(token);
});

it('reads the event log', async () => {
  await using lab = openLab();
  const { api } = await open(lab, 'paris');
  await using _closed = api;
  await api.server.auth('jsmith', PASSWORD);
  const { destinationId } = await api.send.createDestination('127.0.0.1', {
    destinationPort: 8886,
  });
  const { eventLog } = await api.server.getEventLog({ eventName: 'destinationCreated' });
  expect(destinationId).toBe('127.0.0.1:8886');
  expect(eventLog).toMatchObject([{ _event: 'destinationCreated', destinationId }]);
});

it('discovers the address of B as the page does', async () => {
  await using lab = openLab();
  const [a, b] = await Promise.all([open(lab, 'a'), open(lab, 'b')]);
  const [A, B] = [a.api, b.api];
  await using _closedA = A;
  await using _closedB = B;
  await A.server.auth('jsmith', PASSWORD);
  await B.server.auth('jsmith', PASSWORD);

  // 1. Ask server A to listen for a discover packet.
  const recvRequest = await A.server.recvDiscoverPacketAsync();
  const { discoverId } = recvRequest;
  // 2. Ask server B to send a discover packet.
  const sendRequest = await B.server.sendDiscoverPacketAsync(discoverId, LOOPBACK, {
    destinationPort: a.server.ready.recvPort,
  });
  expect(await B.server.getRequestResult(sendRequest)).toEqual({ discoverPacketSent: true });
  // 3. Wait for the packet to be received.
  expect(await A.server.getRequestResult(recvRequest)).toEqual({
    address: LOOPBACK,
    port: b.server.ready.recvPort,
  });
});
