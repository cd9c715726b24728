/** Entry of the thread that makes manifests' file lists. */
import { parentPort } from 'node:worker_threads';
import { CommandError } from '@jetstream/contract';
import { diskScanPorts } from './scan-disk.js';
import type { ScanCommand, ScanReply } from './scan-messages.js';
import { runScan, type ScanOrder } from './scan-runner.js';

const port = parentPort;
if (port === null) throw new Error('Cannot run the scan thread: expected to be a worker');

const ports = diskScanPorts();
const running = new Map<string, AbortController>();

const scan = async (order: ScanOrder): Promise<ScanReply> => {
  const { manifestId } = order;
  const controller = new AbortController();
  running.set(manifestId, controller);
  try {
    const totals = await runScan(order, ports, controller.signal);
    return { manifestId, kind: 'done', totals };
  } catch (error) {
    const code = error instanceof CommandError ? error.code : 'internal';
    const message = error instanceof Error ? error.message : String(error);
    return { manifestId, kind: 'failed', code, message };
  } finally {
    running.delete(manifestId);
  }
};

port.on('message', (command: ScanCommand) => {
  if (command.kind === 'cancel') running.get(command.manifestId)?.abort();
  else void scan(command.order).then((reply) => port.postMessage(reply));
});
