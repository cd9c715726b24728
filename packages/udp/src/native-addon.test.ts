import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadNativeAddon, type NativeAddon, type NativeSocket } from './native-addon.js';

const { addon, reason } = loadNativeAddon();
if (addon === null) process.stderr.write(`SKIPPED: the native addon, because ${reason}\n`);
const addonPath = fileURLToPath(new URL('../build/Release/jetstream_udp.node', import.meta.url));

/** Runs in a worker: opens a socket, waits for one packet, then waits for ever. */
const WORKER_SCRIPT = `
const { parentPort, workerData } = require('node:worker_threads');
const addon = require(workerData);
const words = new Uint32Array(256 * 9);
const bytes = new Uint8Array(64 * 65536);
const socket = addon.open('127.0.0.1', 0, 65536, 24, new Uint8Array(65536), bytes, words);
const wait = () => addon.watch(socket, () => {
  parentPort.postMessage({ count: addon.receiveAndOpen(socket, 0), first: bytes[words[7]] });
  wait();
});
wait();
parentPort.postMessage({ port: socket.port });
`;

function openSocket(native: NativeAddon): NativeSocket {
  const words = new Uint32Array(256 * 9);
  const bytes = new Uint8Array(64 * 65_536);
  return native.open('127.0.0.1', 0, 65_536, 24, new Uint8Array(65_536), bytes, words);
}

describe.skipIf(addon === null)('native addon', () => {
  const native = addon as NativeAddon;

  it('worker threads: wake on a packet, and end with a watch still armed', async () => {
    const socket = openSocket(native);
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(WORKER_SCRIPT, { eval: true, workerData: addonPath });
      const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
      native.sendClear(socket, '127.0.0.1', port, Uint8Array.of(0x10));
      expect(await once(worker, 'message')).toEqual([{ count: 1, first: 0x10 }]);
      await worker.terminate();
    }
    native.close(socket);
  });

  it('every function: arguments of any kind throw, or work, and never crash', () => {
    const socket = openSocket(native);
    const { selfTest: _selfTest, open: _open, syncFileSystem: _sync, ...rest } = native;
    const functions = Object.entries(rest).filter(
      (entry): entry is [string, (...values: unknown[]) => unknown] =>
        typeof entry[1] === 'function' && entry[0] !== 'close',
    );
    const argument = fc.oneof(
      fc.anything(),
      fc.integer(),
      fc.constantFrom(new Uint8Array(0), new Uint32Array(9), new Float64Array(10), '127.0.0.1', 0),
      fc.uint8Array({ maxLength: 40 }),
    );
    const firsts = fc.oneof({ weight: 5, arbitrary: fc.constant(socket) }, argument);
    fc.assert(
      fc.property(
        fc.constantFrom(...functions),
        firsts,
        fc.array(argument, { maxLength: 7 }),
        ([, call], first, others) => {
          try {
            // A number as first argument could be a descriptor in use by the test run itself.
            if (typeof first !== 'number') Reflect.apply(call, native, [first, ...others]);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
      { numRuns: 3000 },
    );
    native.watch(socket, null);
    native.close(socket);
  });

  it('a socket without its object is closed by the collector or at the end', () => {
    // Nothing to observe but that the process does not end badly.
    for (let i = 0; i < 20; i++) openSocket(native);
  });
});
