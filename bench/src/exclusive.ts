/** One measurement at a time on a machine: two at once would measure each other. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** An abstract Unix socket: it belongs to no file system and vanishes with its process. */
const LOCK = '\0jetstream-bench';
const RETRY_MS = 500;

/** Waits until no other benchmark runs, then keeps others waiting until the process ends. */
export async function waitForTurn(): Promise<void> {
  let told = false;
  for (;;) {
    const server = createServer().unref();
    try {
      server.listen(LOCK);
      await once(server, 'listening');
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (!told) process.stderr.write('another benchmark runs; waiting for it\n');
      told = true;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
