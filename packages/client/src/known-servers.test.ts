import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileKnownServers, serverAddress, userDirectories } from './known-servers.js';

const print = (letter: string): string => `SHA256:${letter.repeat(43)}`;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'jetstream-known-'));
  file = join(directory, 'config', 'known_servers');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('FileKnownServers', () => {
  it('remembers, forgets, and remembers anew', async () => {
    const known = new FileKnownServers(file, () => 0);
    expect(await known.find('a:1')).toBeNull();
    await known.remember('a:1', print('a'));
    expect((await known.remember('a:1', print('b'))).fingerprint).toBe(print('a'));
    expect(await known.forget('a:1')).toBe(true);
    expect(await known.forget('a:1')).toBe(false);
    expect((await known.remember('a:1', print('b'))).fingerprint).toBe(print('b'));
  });

  it('is readable by its owner only', async () => {
    await new FileKnownServers(file).remember('a:1', print('a'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('loses nothing when many write at once, and the first key of a server stands', async () => {
    const writers = Array.from({ length: 40 }, (_, index) => ({
      known: new FileKnownServers(file),
      letter: String.fromCharCode(65 + (index % 26)),
      index,
    }));
    await Promise.all(
      writers.map(async ({ known, letter, index }) => {
        await known.remember(`host${index}:1`, print(letter));
        await known.remember('shared:1', print(letter));
      }),
    );
    const known = new FileKnownServers(file);
    for (const { letter, index } of writers) {
      expect((await known.find(`host${index}:1`))?.fingerprint).toBe(print(letter));
    }
    const shared = readFileSync(file, 'utf8').match(/shared:1 (\S+)/)?.[1];
    expect((await known.find('shared:1'))?.fingerprint).toBe(shared);
  });

  it('ignores a record that was cut short, and the next one is whole', async () => {
    const known = new FileKnownServers(file);
    await known.remember('a:1', print('a'));
    appendFileSync(file, 'b:1 SHA256:AAAA');
    expect(await known.find('b:1')).toBeNull();
    await known.remember('b:1', print('b'));
    const found = await known.find('b:1');
    expect(found?.fingerprint).toBe(print('b'));
    expect(readFileSync(file, 'utf8').split('\n')[(found?.line ?? 0) - 1]).toContain(print('b'));
  });
});

describe('serverAddress', () => {
  it('writes names in lower case and IPv6 addresses in brackets', () => {
    expect(serverAddress('Files.Example.org', 8886)).toBe('files.example.org:8886');
    expect(serverAddress('::1', 1)).toBe('[::1]:1');
    expect(serverAddress('[::1]', 1)).toBe('[::1]:1');
  });
});

describe('userDirectories', () => {
  it('honours the XDG variables when they are absolute', () => {
    const set = userDirectories({ XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: 'relative' });
    expect(set.config).toBe('/c/jetstream');
    expect(set.state).toMatch(/^\/.*\/\.local\/state\/jetstream$/);
  });
});
