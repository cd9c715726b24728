/** A thread that reads what browsers download: its disk may be slow without holding up the API. */
import { parentPort } from 'node:worker_threads';
import { ContentDesk } from './content-desk.js';
import type { ContentCommand } from './content-messages.js';

const port = parentPort;
if (port === null) throw new Error('This file is the start of a thread, not of a process');

const desk = new ContentDesk((reply, transfer) =>
  port.postMessage(reply, transfer === undefined ? [] : [transfer]),
);
port.on('message', (command: ContentCommand) => desk.handle(command));
