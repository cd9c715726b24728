/** A thread for file operations: its disk may be slow without holding up the control API. */
import { parentPort } from 'node:worker_threads';
import { type FileCommand, type FileReply, failureOf } from './file-messages.js';
import { SliceRunner } from './slice-runner.js';
import { ThreadHashPool } from './thread-hash-pool.js';

const port = parentPort;
if (port === null) throw new Error('This file is the start of a thread, not of a process');

const reply = (message: FileReply): void => port.postMessage(message);
const runner = new SliceRunner(new ThreadHashPool());

port.on('message', (command: FileCommand) => {
  const { id } = command;
  if (command.kind === 'cancel') {
    runner.cancel(id);
    return;
  }
  runner.run(id, command.task, {
    progress: (counters) => reply({ kind: 'progress', id, counters }),
    done: (result) => reply({ kind: 'done', id, result }),
    failed: (error) => reply({ kind: 'failed', id, failure: failureOf(error) }),
  });
});
