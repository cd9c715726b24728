/** Pages of other sites that a user's browser has open: they may call nothing, whoever is logged in. */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { target } from '../conformance/harness/sessions.js';
import { basic, rawHttp } from './raw.js';

const FOREIGN = [
  'https://evil.example',
  'http://127.0.0.1:1',
  'null',
  'https://127.0.0.1.evil.example',
];

describe('attack by a page of another site', () => {
  it.each(FOREIGN)('%s gets no answer of a method, with a login neither', async (origin) => {
    const login = { authorization: basic(target.user) };
    for (const headers of [{ origin }, { origin, ...login }]) {
      const call = await rawHttp('/api/getServerInfo', { headers, body: '{}' });
      expect(call.status).toBe(403);
      expect(call.text).toContain('permission_denied');
      expect(call.headers['access-control-allow-origin']).toBeUndefined();
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'getServerInfo' });
      expect((await rawHttp('/rpc', { headers, body })).status).toBe(403);
      expect((await rawHttp('/metrics', { headers, method: 'GET' })).status).toBe(403);
    }
  });

  it('a name that was pointed at this server (DNS rebinding) is not its own', async () => {
    const headers = { origin: 'https://evil.example', host: 'evil.example' };
    const call = await rawHttp('/api/getServerInfo', { headers, body: '{}' });
    expect(call.status).toBe(403);
  });

  it.each(FOREIGN)('%s opens no WebSocket', async (origin) => {
    const url = `wss://${target.host}:${target.apiPort}/rpc`;
    const socket = new WebSocket(url, { rejectUnauthorized: false, origin });
    const end = await new Promise<string>((resolve) => {
      socket.on('open', () => resolve('open'));
      socket.on('error', (error) => resolve(error.message));
    });
    socket.terminate();
    expect(end).toContain('403');
  });
});
