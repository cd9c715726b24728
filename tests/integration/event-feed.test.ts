/** Who follows the events of a server that is killed again and again misses none and gets none twice. */
import { expect, it, vi } from 'vitest';
import { type Lab, openLab, runCli } from './servers.js';

type Server = Awaited<ReturnType<Lab['start']>>;

const KILLS = 3;
const EVENTS_PER_LIFE = 40;

/** Makes and deletes destinations until the server is gone. */
const work = async (lab: Lab, server: Server): Promise<void> => {
  const api = await lab.login(server);
  for (let port = 2000; server.running(); port += 1) {
    const { destinationId } = await api.send.createDestination('127.0.0.1', {
      destinationPort: port,
    });
    await api.send.deleteDestination(destinationId);
  }
};

it('follows the event log over kills and restarts', { timeout: 120_000 }, async () => {
  await using lab = openLab();
  let server = await lab.start('followed');
  const follower = await lab.login(server);
  await follower.server.superuser();
  const seen: number[] = [];
  follower.on('notify', ({ topic, item }) => {
    if (topic === 'events') seen.push((item as { _eventSeq: number })._eventSeq);
  });
  expect(await follower.server.subscribe(['events'], { afterEventSeq: 0 })).toEqual({
    eventSeq: 0,
  });
  for (let kill = 0; kill < KILLS; kill += 1) {
    const wanted = seen.length + EVENTS_PER_LIFE;
    const working = work(lab, server).catch(() => undefined);
    await vi.waitUntil(() => seen.length >= wanted, { timeout: 30_000 });
    await server.kill();
    server = await lab.restart(server);
    await working;
    await vi.waitUntil(() => follower.connected, { timeout: 30_000 });
  }
  const reader = await lab.login(server);
  await reader.server.superuser();
  const { eventLog } = await reader.server.getEventLog();
  const last = Math.max(...eventLog.map(({ _eventSeq }) => _eventSeq));
  await vi.waitUntil(() => seen.includes(last), { timeout: 30_000 });
  expect(seen.slice(0, last)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  expect(eventLog.filter(({ _event }) => _event === 'serverStarted')).toHaveLength(KILLS + 1);
  const verified = await runCli(['events', 'verify', `--persistent-state-dir=${server.stateDir}`]);
  expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
  expect(verified.stdout).toContain('entries are in order');
});
