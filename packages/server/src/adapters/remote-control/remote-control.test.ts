import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openIdentity } from '../tls/identity.js';
import { openRemoteControl } from './remote-control.js';

const stateDir = mkdtempSync(join(tmpdir(), 'jetstream-remote-'));
const identity = openIdentity({
  ...{ stateDir, hostName: 'localhost', serverUid: 'uid' },
  nowMs: Date.now(),
});
/** Proves its identity, and says nothing else. */
const server = createServer({ key: identity.privateKeyPem, cert: identity.certificatePem });

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  server.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const call = (port: number, publicKey: string | null): Promise<unknown> =>
  openRemoteControl({
    ...{ address: '127.0.0.1', port, publicKey },
    ...{ authorization: 'Bearer x', tokenSession: 's' },
  }).call('echo', {}, AbortSignal.timeout(20_000));

it('says that the key is missing where a certificate is signed by itself', async () => {
  const { port } = server.address() as AddressInfo;
  await expect(call(port, null)).rejects.toMatchObject({
    code: 'peer_identity_mismatch',
    message: expect.stringContaining('as "remotePublicKey"') as string,
  });
});

it('names both keys where another server answers', async () => {
  const { port } = server.address() as AddressInfo;
  const other = Buffer.alloc(32, 7).toString('base64');
  await expect(call(port, other)).rejects.toMatchObject({
    code: 'peer_identity_mismatch',
    message: expect.stringContaining(identity.publicKeyBase64) as string,
  });
});

it('is unreachable where nobody listens', async () => {
  const free = createTcpServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  await expect(call(port, null)).rejects.toMatchObject({ code: 'destination_unreachable' });
});
