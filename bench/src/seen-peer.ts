/**
 * When a peer counts as one that was seen before: the flow of the earlier transfer is gone, so that
 * the next transfer opens one of its own, and has nothing but what the server remembers of the path.
 */
import type { ServerPair } from '../../tests/wan/dist/server-pair.js';

const POLL_MS = 250;
/** A flow without work is kept for 20 s; its end has to cross the link, too. */
const IDLE_SECONDS_MAX = 60;

/**
 * Waits until the receiver has no flow from any sender.
 *
 * @throws {Error} If one is there for much longer than an idle flow is kept.
 */
export async function untilForgotten({ receiver }: ServerPair): Promise<void> {
  const giveUpMs = performance.now() + IDLE_SECONDS_MAX * 1000;
  for (;;) {
    const sources = await receiver.api.recv.getSources();
    const open = sources.filter((source) => source.encryptedConnectionState === 'connected');
    if (sources.length > 0 && open.length === 0) return;
    if (performance.now() > giveUpMs) {
      throw new Error(
        `Cannot measure a peer seen before: of ${sources.length} senders, ${open.length} have an ` +
          `open flow after ${IDLE_SECONDS_MAX} s without work, expected one sender without`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
