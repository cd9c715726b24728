/** Runs scans in a thread of their own, so that a slow disk never holds up the control API. */
import { Worker } from 'node:worker_threads';
import { CommandError } from '@jetstream/contract';
import type { ScanTotals } from './scan.js';
import { diskScanPorts } from './scan-disk.js';
import type { ScanCommand, ScanReply } from './scan-messages.js';
import { type ManifestScanner, runScan, type ScanOrder, type ScanRunPorts } from './scan-runner.js';

interface Waiting {
  resolve(totals: ScanTotals): void;
  reject(reason: unknown): void;
}

/** The thread starts with the first scan, and again after it has crashed. */
class ThreadScanner implements ManifestScanner {
  readonly #threadUrl: URL;
  readonly #waiting = new Map<string, Waiting>();
  #thread: Worker | null = null;

  constructor(threadUrl: URL) {
    this.#threadUrl = threadUrl;
  }

  scan(order: ScanOrder, signal: AbortSignal): Promise<ScanTotals> {
    const { manifestId } = order;
    const cancel = (): void => this.#send({ kind: 'cancel', manifestId });
    signal.addEventListener('abort', cancel, { once: true });
    return new Promise<ScanTotals>((resolve, reject) => {
      this.#waiting.set(manifestId, { resolve, reject });
      this.#send({ kind: 'scan', order });
      if (signal.aborted) cancel();
    }).finally(() => signal.removeEventListener('abort', cancel));
  }

  async stop(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.terminate();
    this.#failAll(new CommandError('cancelled', 'Cannot make the manifest: the server stops'));
  }

  #send(command: ScanCommand): void {
    this.#thread ??= this.#start();
    this.#thread.postMessage(command);
  }

  #start(): Worker {
    const thread = new Worker(this.#threadUrl, {
      name: 'manifest scan',
      // The addon opens descriptors that node:fs closes; Node would warn about each.
      trackUnmanagedFds: false,
    });
    thread.on('message', (reply: ScanReply) => this.#settle(reply));
    thread.on('error', (cause) => this.#lose(thread, cause));
    thread.on('exit', (code) => this.#lose(thread, new Error(`exit code ${code}`)));
    return thread;
  }

  #settle(reply: ScanReply): void {
    const waiting = this.#waiting.get(reply.manifestId);
    this.#waiting.delete(reply.manifestId);
    if (reply.kind === 'done') waiting?.resolve(reply.totals);
    else waiting?.reject(new CommandError(reply.code, reply.message));
  }

  #lose(thread: Worker, cause: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = null;
    const message = 'Cannot make the manifest: the scan thread ended unexpectedly';
    this.#failAll(new CommandError('internal', message, { cause }));
  }

  #failAll(error: CommandError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

/** The same scans on the calling thread, for tests that run from source. */
export const createLocalScanner = (ports: ScanRunPorts = diskScanPorts()): ManifestScanner => ({
  scan: (order, signal) => runScan(order, ports, signal),
  stop: () => Promise.resolve(),
});

/** The scanner of the server. A worker cannot be started from TypeScript source. */
export const createScanner = (): ManifestScanner =>
  import.meta.url.endsWith('.ts')
    ? createLocalScanner()
    : new ThreadScanner(new URL('./scan-thread.js', import.meta.url));
