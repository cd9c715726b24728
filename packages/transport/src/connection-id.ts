/** How a side chooses the ids that it wants to be addressed by. */
import type { EndpointOptions } from './endpoint-options.js';

/** A connection id that is not 0, not taken, and begins as the socket wants it. */
export function freeConnectionId(
  { io, random }: Pick<EndpointOptions, 'io' | 'random'>,
  isTaken: (id: number) => boolean,
): number {
  const { idPrefix } = io;
  for (;;) {
    const drawn = random();
    const id = (idPrefix === undefined ? drawn : (drawn & 0xff_ff_ff) | (idPrefix << 24)) >>> 0;
    if (id !== 0 && !isTaken(id)) return id;
  }
}
