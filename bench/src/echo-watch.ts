/**
 * A caller in a thread of its own that does nothing but `echo`, so that what this process does
 * meanwhile is not measured. Asked by the message `take`, it answers with the latencies, in
 * milliseconds, since it was asked last.
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { JetStream } from '@jetstream/client';

interface Target {
  readonly host: string;
  readonly port: number;
  readonly localKeyFile: string;
}

const PAUSE_MS = 2;

/** The watch as the script sees it. */
export class EchoWatch {
  readonly #worker: Worker;

  constructor(target: Target) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: target });
  }

  /** Latencies since the call before, or since the start. */
  async take(): Promise<number[]> {
    this.#worker.postMessage('take');
    const [latencies] = (await once(this.#worker, 'message')) as [number[]];
    return latencies;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

async function watch({ host, port, localKeyFile }: Target): Promise<void> {
  const api = new JetStream({ localKeyFile }).api(host, port);
  await api.connect();
  let latencies: number[] = [];
  parentPort?.on('message', () => {
    parentPort?.postMessage(latencies);
    latencies = [];
  });
  for (;;) {
    const startMs = performance.now();
    await api.server.echo();
    latencies.push(performance.now() - startMs);
    await pause(PAUSE_MS);
  }
}

if (parentPort !== null) await watch(workerData as Target);
