import { afterEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_PEERS, installedPeers, PEERS } from './peer-tools.js';

afterEach(() => vi.unstubAllEnvs());

describe('installedPeers', () => {
  it('names what is missing of a tool that is not installed, and goes on without it', () => {
    vi.stubEnv('PATH', '/nowhere');
    expect(installedPeers(['iperf-udp', 'aria2-bbr'])).toMatchObject({
      names: [],
      leftOut: [
        'iperf-udp is left out: iperf3 not installed',
        expect.stringContaining('aria2-bbr is left out: aria2c'),
      ],
    });
  });

  it('refuses a tool that it does not know, and lists those that it does', () => {
    expect(() => installedPeers(['scp'])).toThrow(
      /Cannot run peer "scp", expected one of iperf-udp,/,
    );
  });
});

describe('DEFAULT_PEERS', () => {
  it('are tools that are known', () => {
    for (const name of DEFAULT_PEERS.split(',')) expect([...PEERS.keys()]).toContain(name);
  });
});
