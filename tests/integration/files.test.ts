import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openLab } from './servers.js';

/** Files below a directory that a process has open. */
const openBelow = (pid: number, directory: string): string[] =>
  readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((path) => path.startsWith(directory));

/** What depends on real threads; everything else is tested beside the source. */
describe('file operations of a server process', () => {
  it('hash many files in threads, each with its own hash, in the order of the listing', async () => {
    await using lab = openLab();
    const api = await lab.login(await lab.start('paris'));
    const directory = lab.path('many');
    mkdirSync(directory);
    for (let at = 0; at < 700; at += 1) {
      writeFileSync(join(directory, String(at)), Buffer.alloc((at % 50) * 4096 + 1, at % 256));
    }
    const plain = await api.server.ls(directory);
    const hashed = await api.server.ls(directory, { calculateHashType: ['SHA256', 'XXH3'] });
    expect(hashed.files.map(({ name }) => name)).toEqual(plain.files.map(({ name }) => name));
    for (const { name, hash, hashes } of hashed.files) {
      const content = readFileSync(join(directory, name));
      expect(hash, name).toBe(createHash('sha256').update(content).digest('hex'));
      expect(hashes?.['XXH3'], name).toMatch(/^[0-9a-f]{16}$/);
    }
  });

  it('show their progress, stop when cancelled, and close what they opened', async () => {
    await using lab = openLab();
    const server = await lab.start('paris');
    const api = await lab.login(server);
    const directory = lab.path('slow');
    mkdirSync(directory);
    for (const name of ['a', 'b', 'c', 'd']) {
      writeFileSync(join(directory, name), '');
      truncateSync(join(directory, name), 2 ** 40);
    }
    const { requestId } = await api.server.lsAsync(directory, { calculateHashType: 'MD5' });
    for (;;) {
      const { progress } = await api.server.getRequestStatus(requestId);
      if ((progress?.['hashedBytes'] ?? 0) > 0) break;
      await pause(20);
    }
    // The threads are busy, and yet short work goes on beside them.
    expect(await api.server.du(directory)).toEqual({ du: 2 ** 42 });
    await api.server.cancelRequest(requestId);
    await expect(api.server.getRequestResult(requestId)).rejects.toMatchObject({
      code: 'cancelled',
    });
    await expect.poll(() => openBelow(server.ready.pid, directory)).toEqual([]);
    const listed = await api.server.ls(directory, { directory: true, calculateHashType: 'MD5' });
    expect(listed.files).toMatchObject([{ name: 'slow', type: 2, hash: '' }]);
  });
});
