/** A thread that hashes, one batch at a time, and lets everything else have the core first. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { hashBatch } from './file-hash.js';
import type { HashCommand, HashReply } from './hash-messages.js';
import { FILE_LIMITS } from './limits.js';

const NICENESS = 5;

const port = parentPort;
if (port === null) throw new Error('This file is the start of a thread, not of a process');

const reply = (message: HashReply): void => port.postMessage(message);

/** Linux has a niceness per thread, which Node reaches by the number of the thread. */
const yieldToOthers = (): void => {
  try {
    const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (Number.isInteger(tid) && tid > 0) setPriority(tid, NICENESS);
  } catch {
    // Hashing is right at any priority.
  }
};

const run = ({ batch, cancelled }: HashCommand): void => {
  const flag = new Int32Array(cancelled);
  let hashedBytes = 0;
  let toldMs = performance.now();
  const steps = hashBatch(batch, (bytes) => {
    hashedBytes += bytes;
  });
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      reply({ kind: 'done', hashedBytes, results: step.value });
      return;
    }
    if (Atomics.load(flag, 0) !== 0) {
      steps.return([]);
      reply({ kind: 'stopped' });
      return;
    }
    if (performance.now() - toldMs >= FILE_LIMITS.hashProgressMs) {
      toldMs = performance.now();
      reply({ kind: 'progress', hashedBytes });
    }
  }
};

yieldToOthers();
port.on('message', (command: HashCommand) => {
  try {
    run(command);
  } catch (error) {
    reply({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
});
