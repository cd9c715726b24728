import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadNativeAddon } from './native-addon.js';
import { openPacketIO } from './open-packet-io.js';

vi.mock('./native-addon.js', { spy: true });

const options = { address: '127.0.0.1', port: 0, arena: new Uint8Array(65_536) };

describe('openPacketIO', () => {
  afterEach(() => {
    vi.mocked(loadNativeAddon).mockReset();
  });

  it('uses node:dgram and says why where the addon is missing', async () => {
    const reason = 'the native addon is not built';
    vi.mocked(loadNativeAddon).mockReturnValue({ addon: null, reason });
    const io = await openPacketIO(options);
    expect(io.kind).toBe('dgram');
    expect(io.canBlock).toBe(false);
    expect(io.description).toMatch(/^dgram: the native addon is not built, buffers [\d./]+ MiB$/);
    await io.close();
  });

  it('uses node:dgram where that is preferred, without loading the addon', async () => {
    const io = await openPacketIO({ ...options, prefer: 'dgram' });
    expect(io.kind).toBe('dgram');
    expect(loadNativeAddon).not.toHaveBeenCalled();
    await io.close();
  });

  it('describes a native socket by its offloads and buffers', async ({ skip }) => {
    if (loadNativeAddon().addon === null) skip('the native addon is not built');
    const io = await openPacketIO(options);
    expect(io.kind).toBe('native');
    expect(io.canBlock).toBe(true);
    expect(io.description).toMatch(/^native: (no )?GSO, (no )?GRO, buffers [\d./]+ MiB$/);
    await io.close();
  });
});
