import type { PacketIOStats } from '@jetstream/transport';

/** Statistics of both implementations here: the port's, and what was lost before it was read. */
export interface UdpStats extends PacketIOStats {
  /**
   * Datagrams that arrived and were dropped before they were read: the receive buffer or queue was
   * full, or, with an `idPrefix`, they could be no packet of ours.
   */
  readonly packetsOverflowed: number;
}
