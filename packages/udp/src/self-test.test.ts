/** An addon whose AEAD does not compute what it should is not used, and the socket says so. */
import { afterEach, describe, expect, it, vi } from 'vitest';

const addon = { interfaceVersion: 7, selfTest: vi.fn<() => boolean>() };
vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  existsSync: () => true,
}));
vi.mock('node:module', async (original) => ({
  ...(await original<typeof import('node:module')>()),
  createRequire: () => () => addon,
}));

const options = { address: '127.0.0.1', port: 0, arena: new Uint8Array(65_536) };

describe('self-test of the addon at load', () => {
  afterEach(() => {
    vi.resetModules();
    addon.interfaceVersion = 7;
  });

  it('a wrong answer of the AEAD: node:dgram is used', async () => {
    addon.selfTest.mockReturnValue(false);
    const { openPacketIO } = await import('./open-packet-io.js');
    const io = await openPacketIO(options);
    expect(addon.selfTest).toHaveBeenCalledOnce();
    expect(io.kind).toBe('dgram');
    expect(io.description).toMatch(/^dgram: the self-test of the native addon fails, /);
    await io.close();
  });

  it('a self-test that throws: node:dgram is used', async () => {
    addon.selfTest.mockImplementation(() => {
      throw new Error('no cipher');
    });
    const { loadNativeAddon, loadNativeFileSystem } = await import('./native-addon.js');
    expect(loadNativeAddon()).toEqual({
      addon: null,
      reason: 'the native addon does not load (no cipher)',
    });
    expect(loadNativeFileSystem()).toBeNull();
  });

  it('an addon of other sources is not even asked', async () => {
    addon.selfTest.mockReset();
    addon.interfaceVersion = 999;
    const { loadNativeAddon } = await import('./native-addon.js');
    expect(loadNativeAddon().reason).toBe('the native addon was built from other sources');
    expect(addon.selfTest).not.toHaveBeenCalled();
  });
});
