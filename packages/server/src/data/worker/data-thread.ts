/**
 * Entry of a data worker thread: waits for its options, opens the socket and the disk thread, then
 * runs the worker.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { openPacketIO } from '@jetstream/udp';
import { useFileAgents } from '../../adapters/agents/agent-pool.js';
import { openThreadStorage } from '../../storage/thread-storage.js';
import { arenaBytes, DataWorker } from './data-worker.js';
import type { DataWorkerOptions, FromWorker, ToWorker } from './worker-messages.js';

const port = parentPort;
if (port === null) throw new Error('Cannot run: this file is the entry of a worker thread');

const [options] = (await once(port, 'message')) as [DataWorkerOptions];
// This thread has started before the way to the monitor was known.
if (options.agentBroker !== null) useFileAgents(options.agentBroker);
const shared = new SharedArrayBuffer(arenaBytes(options.slots));
const arena = new Uint8Array(shared);
const { dataPath } = options;
const io = await openPacketIO({
  address: options.address,
  port: options.port,
  arena,
  keyEpochShift: options.keyEpochShift,
  idPrefix: randomInt(256),
  ...(dataPath === 'auto' ? {} : { prefer: dataPath }),
});
const storage = await openThreadStorage({ arena: shared });
const post = (message: FromWorker): void => port.postMessage(message);
const worker = new DataWorker({ options, io, storage, arena, post });
port.on('message', (message: ToWorker) => worker.handle(message));
post({
  type: 'ready',
  port: io.localAddress.port,
  path: io.kind === 'native' ? 'native' : 'dgram',
  pathReason: io.description,
});
