/**
 * The thread of the monitor that waits for requests for file agents: receiving descriptors blocks,
 * which the main thread must not.
 */
import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { MessageSocket } from '../adapters/agents/message-socket.js';
import { AGENT_REQUESTS_MAX } from './monitor-limits.js';

export interface BrokerThreadData {
  /** Where requests come in. */
  readonly fd: number;
  /** One 32-bit number: requests that the main thread has not finished. */
  readonly pending: SharedArrayBuffer;
}

/** A request; `fd` belongs to whoever gets this. */
export interface BrokerRequest {
  readonly message: unknown;
  readonly fd: number;
}

const RECEIVE_MS = 60_000;

const port = parentPort;
if (port === null) throw new Error('This file is the start of a thread, not of a process');
const { fd: socketFd, pending } = workerData as BrokerThreadData;
const socket = new MessageSocket(socketFd);
const counter = new Int32Array(pending);

for (;;) {
  try {
    const received = socket.receive(RECEIVE_MS);
    if (received === null) break;
    const { message, fd } = received;
    if (fd === null) continue;
    if (Atomics.load(counter, 0) >= AGENT_REQUESTS_MAX) {
      fs.closeSync(fd);
      continue;
    }
    Atomics.add(counter, 0, 1);
    port.postMessage({ message, fd } satisfies BrokerRequest);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    // Silence, or a message that fits none: neither ends the service.
    if (code !== 'ETIMEDOUT' && code !== 'EMSGSIZE') throw error;
  }
}
