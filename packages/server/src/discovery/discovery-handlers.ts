/** The discovery methods, wired to their service. */
import { DEFAULT_RECV_PORT } from '@jetstream/contract';
import { callerOf, type Handlers } from '../control/handler.js';
import type { EventLog } from '../events/event-log.js';
import { ownershipOf } from '../sessions/caller.js';
import { DISCOVERY_TIMEOUT_SECONDS, type DiscoveryService } from './discovery-service.js';

/** Methods of this folder. */
export type DiscoveryMethod = 'recvDiscoverPacketAsync' | 'sendDiscoverPacketAsync';

/** One handler per method. */
export const discoveryHandlers = (
  service: DiscoveryService,
  events: EventLog,
): Handlers<DiscoveryMethod> => ({
  recvDiscoverPacketAsync: async ({ timeoutSeconds }, call) => {
    const owned = ownershipOf(callerOf(call));
    const { discoverId, address } = service.expect();
    const handle = await call.submit('recvDiscoverPacketAsync', async ({ signal }) => {
      const from = await address({
        timeoutSeconds: timeoutSeconds ?? DISCOVERY_TIMEOUT_SECONDS,
        signal,
      });
      await events.append('discoverPacketReceived', { ...from, ...owned });
      return from;
    });
    return { ...handle, discoverId };
  },
  sendDiscoverPacketAsync: ({ discoverId, destinationAddress, destinationPort }, call) => {
    const owned = ownershipOf(callerOf(call));
    return call.submit('sendDiscoverPacketAsync', async ({ signal }) => {
      const peer = { address: destinationAddress, port: destinationPort ?? DEFAULT_RECV_PORT };
      await service.send(discoverId, peer, signal);
      await events.append('discoverPacketSent', { ...peer, ...owned });
      return { discoverPacketSent: true };
    });
  },
});
