/**
 * Connections: the way to one address and port, as all destinations of a caller there share it.
 * What can only have one value is that of the destination that was used last.
 */
import type { ConnectionStructure } from '@jetstream/contract';
import { formatEndpoint } from './destination-address.js';
import { type DestinationEntry, destinationStructureOf, sendRateOf } from './destination-entry.js';

/** Id of the connection that a destination uses. */
export const connectionIdOf = ({ record }: DestinationEntry): string =>
  formatEndpoint(record.address, record.port);

const STATES = ['disconnected', 'negotiating', 'connected'] as const;

const lastUsedUs = ({ record }: DestinationEntry): number =>
  Math.max(record.lastSendTimeUs ?? 0, record.lastErrorUs ?? 0, record.creationTimeUs);

/**
 * The structure of the API.
 *
 * @param entries At least one, all with the same connection.
 */
export const connectionStructureOf = (
  entries: readonly DestinationEntry[],
  queuedCount: (destinationId: string) => number,
): ConnectionStructure => {
  const latest = entries.reduce((a, b) => (lastUsedUs(b) > lastUsedUs(a) ? b : a));
  const shown = destinationStructureOf(latest, 0);
  const states = entries.map(({ live }) => STATES.indexOf(live.state));
  return {
    connectionId: shown.connectionId,
    destinationIP: shown.destinationIP,
    destinationPort: shown.destinationPort,
    destinationPublicKey: shown.destinationPublicKey,
    encryptedConnectionState: STATES[Math.max(...states)] ?? 'disconnected',
    encryptionEnabled: shown.encryptionEnabled,
    lastDestinationServerId: shown.lastDestinationServerId,
    lastDestinationServerUid: shown.lastDestinationServerUid,
    lastError: shown.lastError,
    lastErrorMessage: shown.lastErrorMessage,
    lastRecvTime: shown.lastRecvTime,
    lastSendTime: shown.lastSendTime,
    numTransfersQueued: entries.reduce((sum, { record }) => sum + queuedCount(record.id), 0),
    rateControllerActive: shown.rateControllerActive,
    rateControlMethod: shown.rateControlMethod,
    relayIP: shown.relayIP,
    relayPort: shown.relayPort,
    roundTripTimeMs: shown.roundTripTimeMs,
    sendRate: entries.reduce((sum, entry) => sum + sendRateOf(entry), 0),
    destinationIds: entries.map(({ record }) => record.id),
  };
};
