/**
 * What a stranger can reach. The fixtures are lists kept by hand: a method or a route that is not in
 * them fails the build until somebody has decided who may use it.
 */

import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import { LOOPBACK } from '../../scripts/server-process.js';
import { failure, openSessions } from '../conformance/harness/sessions.js';
import { openLab } from '../integration/servers.js';
import { rawHttp } from './raw.js';
import surface from './surface.json' with { type: 'json' };

const sessions = openSessions();
const names = Object.keys(METHODS) as MethodName[];

describe('attack 11, rclone CVE-2026-49980: nothing is open that nobody opened', () => {
  it('each method is in the list of its access level', () => {
    const levels: Record<string, string[]> = { public: [], user: [], wrangler: [], superuser: [] };
    for (const name of names) levels[definitionOf(name).access]?.push(name);
    for (const list of Object.values(levels)) list.sort();
    expect(levels).toEqual(surface.methods);
  });

  it('without a login, each other method is refused on every way in, before its parameters are read', async () => {
    const nobody = await sessions.as('nobody');
    for (const name of names) {
      if (surface.methods.public.includes(name)) continue;
      const params = { noSuchParameter: 1 };
      await expect(nobody.call(name, params), name).rejects.toMatchObject(
        failure('not_authenticated'),
      );
      const plain = await rawHttp(`/api/${name}`, { body: JSON.stringify(params) });
      expect(plain.status, name).toBe(401);
      const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method: name, params });
      expect((await rawHttp('/rpc', { body: message })).text).toContain('not_authenticated');
    }
  });

  it('a user and a token reach no method above their level', async () => {
    for (const role of ['user', 'token'] as const) {
      const session = await sessions.as(role);
      for (const name of [...surface.methods.wrangler, ...surface.methods.superuser]) {
        await expect(session.call(name, {}), `${name} as ${role}`).rejects.toMatchObject(
          failure('permission_denied'),
        );
      }
    }
  });

  it('a token without any permission can change nothing and see no file', async () => {
    const user = await sessions.as('user');
    const { token } = await user.call<{ token: string }>('createAPIToken', { permissions: 0 });
    const guest = await sessions.loginByToken(token);
    for (const name of names) {
      const { access, mutates, required } = definitionOf(name);
      if (access === 'public' || surface.tokensWithoutPermission.includes(name)) continue;
      const params = Object.fromEntries(required.map((key) => [key, 'x']));
      const outcome = expect(guest.call(name, params), `${name} ${String(mutates)}`);
      await outcome.rejects.toMatchObject(failure('permission_denied'));
    }
  });
});

describe('attack 12, Aspera Faspex CVE-2022-47986: no forgotten way in', () => {
  const FORGOTTEN = [
    '/admin',
    '/debug/pprof/',
    '/metrics.json',
    '/rc/noop',
    '/api/',
    '/api/v1/users',
    '/rpc/',
    '/RPC',
    '/jsonrpc',
    '/.env',
    '/.git/config',
    '/server-status',
    '/actuator',
    '/console',
    '/aspera/faspex/package_relay/relay_package',
    '/..%2f..%2fetc/passwd',
    '//etc/passwd',
    '/healthz/../api/getServerInfo',
  ];

  it.each(FORGOTTEN)('%s is not there', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      const answer = await rawHttp(path, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
      expect([400, 401, 404, 405, 501], `${method} ${path}`).toContain(answer.status);
    }
  });

  it('the routes that are there answer their own methods only', async () => {
    // Links answer each method by a page of their own, and their tests are beside them.
    const routes = Object.entries(surface.routes).filter(([route]) => !route.endsWith('*'));
    for (const [route, allowed] of routes) {
      const path = route.replace(':method', 'echo');
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        if (allowed.includes(method)) continue;
        const answer = await rawHttp(path, { method });
        expect([400, 404, 405, 415], `${method} ${path}`).toContain(answer.status);
      }
    }
  });
});

/** Local ports of the sockets of a process, from /proc. */
const portsOf = (pid: number): { tcp: number[]; udp: number[] } => {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  const listen = (table: string, state: string): number[] => {
    const lines = readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1);
    return lines
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === state && inodes.has(fields[9] ?? ''))
      .map((fields) => Number.parseInt(fields[1]?.split(':').at(-1) ?? '0', 16));
  };
  const LISTEN = '0A';
  const UNCONNECTED = '07';
  return {
    tcp: [...listen('tcp', LISTEN), ...listen('tcp6', LISTEN)],
    udp: [...listen('udp', UNCONNECTED), ...listen('udp6', UNCONNECTED)],
  };
};

/** What a TCP port says to a stranger who sends a text; empty when it closes or stays silent. */
const sayTo = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connectTcp(port, LOOPBACK, () => socket.write(text));
    let heard = '';
    socket.setTimeout(1500, () => socket.destroy());
    socket.on('data', (data) => {
      heard += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });

const tlsFailure = (port: number, maxVersion: 'TLSv1.1' | 'TLSv1.2'): Promise<string> =>
  new Promise((resolve) => {
    const options = { host: LOOPBACK, port, maxVersion, minVersion: maxVersion } as const;
    const socket = connectTls({
      ...options,
      rejectUnauthorized: false,
      ciphers: 'ALL:@SECLEVEL=0',
    });
    socket.on('secureConnect', () => {
      socket.destroy();
      resolve('it was accepted');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });

describe.runIf(process.platform === 'linux')(
  'attack 20, rclone GHSA-mfvx-7rcj-9m5g, GHSA-gwfq-86j8-7qhv: every listener is known and closed',
  () => {
    it('one TCP port with TLS 1.3 only, one UDP port that answers no stranger', async () => {
      await using lab = openLab();
      const server = await lab.start('paris');
      const { apiPort, recvPort, pid } = server.ready;
      const ports = portsOf(pid);
      expect(ports.tcp).toEqual([apiPort]);
      expect(new Set(ports.udp)).toEqual(new Set([recvPort]));
      const plain = await sayTo(apiPort, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      expect(plain).not.toMatch(/^HTTP/);
      expect(await tlsFailure(apiPort, 'TLSv1.2')).not.toBe('it was accepted');
      expect(await tlsFailure(apiPort, 'TLSv1.1')).not.toBe('it was accepted');
      await expectSilence(recvPort);
    });
  },
);

/** Sends datagrams of every length and counts what comes back. */
const expectSilence = async (port: number): Promise<void> => {
  const socket = createSocket('udp4');
  let sentBytes = 0;
  let heardBytes = 0;
  socket.on('message', (bytes) => {
    heardBytes += bytes.length;
  });
  for (let round = 0; round < 300; round += 1) {
    const junk = Buffer.alloc((round * 37) % 1400, (round * 73) % 256);
    sentBytes += junk.length;
    await new Promise<void>((resolve) => socket.send(junk, port, LOOPBACK, () => resolve()));
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.close();
  expect(heardBytes).toBeLessThanOrEqual(3 * sentBytes);
  // Junk is no handshake, so there is nothing to answer at all but stateless refusals.
  expect(heardBytes).toBeLessThan(sentBytes);
};
