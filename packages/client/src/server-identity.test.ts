import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandError } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import {
  apiOf,
  failure,
  identities,
  loggedIn,
  startImpostor,
  startServer,
  temporary,
} from './client-lab.conformance.js';
import { FileKnownServers, MemoryKnownServers } from './known-servers.js';

describe('Api: identity of the server', () => {
  it('refuses a changed key before it sends one byte', async () => {
    const file = join(temporary(), 'known_servers');
    const options = { knownServers: new FileKnownServers(file) };
    const server = await startServer();
    await loggedIn(server, options);
    const { port } = server;
    await server.stop();
    const impostor = await startImpostor(port);
    const api = apiOf(port, {
      ...options,
      credentials: { userName: 'jsmith', password: 'secret' },
    });
    const error = await failure(api.connect());
    expect(error.code).toBe('server_identity_changed');
    expect(error.message).toContain(`jetstream forget 127.0.0.1:${port}`);
    expect(error.message).toContain(`"${file}", line 2`);
    expect(error.message.match(/SHA256:/g)).toHaveLength(2);
    expect(impostor.bytesReceived).toBe(0);
    await options.knownServers.forget(`127.0.0.1:${port}`);
    await api.connect();
    expect(api.authenticated).toBe(true);
  });

  it('ends a session whose server comes back with another key', async () => {
    const server = await startServer();
    const api = await loggedIn(server);
    const closed = new Promise<CommandError | null>((resolve) => {
      api.on('close', ({ error }) => resolve(error));
    });
    await server.stop();
    const impostor = await startImpostor(server.port);
    expect((await closed)?.code).toBe('server_identity_changed');
    expect(impostor.bytesReceived).toBe(0);
  });

  it('accepts only the pinned fingerprint, and remembers nothing', async () => {
    const server = await startServer();
    const knownServers = new MemoryKnownServers();
    const first = await loggedIn(server);
    const pin = first.fingerprint ?? '';
    await loggedIn(server, { knownServers, fingerprint: pin });
    expect(await knownServers.find(first.address)).toBeNull();
    const wrong = apiOf(server.port, { fingerprint: `SHA256:${'A'.repeat(43)}` });
    expect((await failure(wrong.connect())).code).toBe('server_identity_changed');
  });

  it('logs in by the local key of this very server, and sends it to no other', async () => {
    const file = join(temporary(), 'local.key');
    const write = (fingerprint: string): void =>
      writeFileSync(file, JSON.stringify({ serverUid: 'u', key: 'jsk.good', fingerprint }));
    const server = await startServer();
    write(identities.own.fingerprint);
    const knownServers = new MemoryKnownServers();
    const api = apiOf(server.port, { localKeyFile: file, knownServers });
    await api.connect();
    expect(api.authenticated).toBe(true);
    expect(await knownServers.find(api.address)).toBeNull();
    write(identities.stranger.fingerprint);
    const other = apiOf(server.port, { localKeyFile: file });
    await other.connect();
    expect(other.authenticated).toBe(false);
    expect(server.calls).toEqual(['authToken']);
  });
});
