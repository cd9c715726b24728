import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadNativeTcp } from './native-addon.js';

const native = loadNativeTcp();
if (native === null) process.stderr.write('SKIPPED: NativeTcp, the addon is not built\n');

const descriptorOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;

/** Both ends of a connection on loopback. */
async function openPair(): Promise<{ near: Socket; far: Socket; close(): void }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const near = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  return {
    near,
    far,
    close: () => {
      near.destroy();
      far.destroy();
    },
  };
}

describe.skipIf(native === null)('NativeTcp', () => {
  it('duplicateDescriptor: the copy goes on when the first is closed', async () => {
    const { near, far, close } = await openPair();
    const copy = native?.duplicateDescriptor(descriptorOf(far)) ?? -1;
    far.destroy();
    await once(far, 'close');
    const again = new Socket({ fd: copy, readable: true, writable: true });
    again.write('still here');
    const [bytes] = (await once(near, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('still here');
    again.destroy();
    close();
  });

  it('duplicateDescriptor: refuses what is not open', () => {
    expect(() => native?.duplicateDescriptor(1_000_000)).toThrow(/Cannot duplicate a descriptor/);
    expect(() => native?.duplicateDescriptor(-1)).toThrow(/argument 0/);
  });

  it('setCongestionControl: takes what the kernel has, and says what it has not', async () => {
    const { near, close } = await openPair();
    const descriptor = descriptorOf(near);
    expect(() => native?.setCongestionControl(descriptor, 'reno')).not.toThrow();
    expect(() => native?.setCongestionControl(descriptor, 'nonesuch')).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    expect(() => native?.setCongestionControl(descriptor, 'x'.repeat(40))).toThrow(/argument 1/);
    close();
    const copy = native?.duplicateDescriptor(1) ?? -1;
    expect(() => native?.setCongestionControl(copy, 'reno')).toThrow();
    closeSync(copy);
  });
});
