import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../config/config-error.js';
import { ServerLab } from '../server-lab.conformance.js';

const directory = mkdtempSync(join(tmpdir(), 'jetstream-metrics-'));
const tokenFile = join(directory, 'token');
const TOKEN = 'a-token-for-monitoring';
writeFileSync(tokenFile, `${TOKEN}\nnot part of it\n`);
const lab = new ServerLab({ metricsTokenFile: tokenFile });
beforeAll(() => lab.start());
afterAll(async () => {
  await lab.dispose();
  rmSync(directory, { recursive: true });
});

const read = (headers: Record<string, string> = {}) => lab.raw('/metrics', headers);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('GET /metrics', () => {
  test('is for the bearer of the token and for superusers, and nobody else', async () => {
    expect((await read()).status).toBe(401);
    expect((await read(bearer(`${TOKEN}x`))).status).toBe(401);
    expect((await read(bearer('not part of it'))).status).toBe(401);
    expect((await read(bearer(lab.localKey))).status).toBe(403);
    const level = { 'x-jetstream-level': 'superuser' };
    expect((await read({ ...bearer(lab.localKey), ...level })).status).toBe(200);
    const { status, headers } = await read(bearer(TOKEN));
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test('the token is good for nothing else', async () => {
    expect(await lab.apiError('echo', {}, bearer(TOKEN))).toMatchObject({ status: 401 });
  });

  test('shows sessions, requests, transfers by state, traffic and the process', async () => {
    const session = await lab.connectLocal();
    const { text } = await read(bearer(TOKEN));
    const lines = text.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'jetstream_sessions 1',
        'jetstream_requests_running 0',
        'jetstream_transfers_unfinished{state="active"} 2',
        'jetstream_sent_bytes_total 12',
        'jetstream_received_bytes_total 34',
      ]),
    );
    expect(text).toMatch(/^process_resident_memory_bytes \d/m);
    expect(text).toMatch(/^jetstream_info\{version="[^"]+"\} 1$/m);
    // Asked twice, a counter is not added up twice.
    expect((await read(bearer(TOKEN))).text).toContain('\njetstream_sent_bytes_total 12\n');
    session.socket.close();
  });

  test('a file without a usable token stops the start', async () => {
    for (const text of ['', 'short', 'a token with blanks in it']) {
      const bad = join(directory, 'bad');
      writeFileSync(bad, text);
      const other = new ServerLab({ metricsTokenFile: bad });
      await expect(other.start(), text).rejects.toThrow(ConfigError);
      await other.dispose();
    }
  });
});
