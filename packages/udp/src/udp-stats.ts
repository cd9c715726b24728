import type { PacketIOStats } from '@jetstream/transport';

/** Statistics of both implementations here: the port's, and what was lost before it was read. */
export interface UdpStats extends PacketIOStats {
  /** Datagrams that arrived and were dropped because the receive buffer or queue was full. */
  readonly packetsOverflowed: number;
}
