/** A destination in memory: what is stored of it, and what is only true while the server runs. */
import { type DestinationStructure, MIN_CIPHER_ENCRYPTED_128 } from '@jetstream/contract';
import { formatEndpoint } from './destination-address.js';
import type { DestinationRecord } from './destination-store.js';

/** What is only true while the server runs. */
export interface LiveDestination {
  state: DestinationStructure['encryptedConnectionState'];
  roundTripTimeMs: number | null;
  /** Rates of the running transfers, kbit/s. */
  readonly rates: Map<string, number>;
}

export interface DestinationEntry {
  record: DestinationRecord;
  readonly live: LiveDestination;
  /** Resolves when the record is durable. */
  saved: Promise<void>;
  deleting: boolean;
}

/** An entry before any contact. @param saved Resolves when the record is durable. */
export const entryOf = (record: DestinationRecord, saved: Promise<void>): DestinationEntry => ({
  record,
  live: { state: 'disconnected', roundTripTimeMs: null, rates: new Map() },
  saved,
  deleting: false,
});

/** Measured rate of all its running transfers, kbit/s. */
export const sendRateOf = ({ live }: DestinationEntry): number =>
  [...live.rates.values()].reduce((sum, rate) => sum + rate, 0);

/** The structure of the API. */
export const destinationStructureOf = (
  entry: DestinationEntry,
  queuedCount: number,
): DestinationStructure => {
  const { record, live } = entry;
  return {
    destinationId: record.id,
    connectionId: formatEndpoint(record.address, record.port),
    destinationAddress: record.address,
    destinationIP: record.ip,
    destinationPort: record.port,
    destinationControlPort: record.controlPort ?? record.port,
    destinationPublicKey: record.publicKey,
    permittedDestinationPublicKey: record.permittedPublicKey,
    encryptedConnectionState: live.state,
    encryptionEnabled: record.minCipher >= MIN_CIPHER_ENCRYPTED_128,
    lastDestinationServerId: record.lastServerId,
    lastDestinationServerUid: record.lastServerUid,
    lastError: record.lastErrorUs,
    lastErrorMessage: record.lastErrorMessage,
    lastRecvTime: record.lastRecvTimeUs,
    lastSendTime: record.lastSendTimeUs,
    numTransfersQueued: queuedCount,
    rateControllerActive: record.rateControlMethod !== 'fixed',
    rateControlMethod: record.rateControlMethod,
    relayIP: null,
    relayPort: null,
    roundTripTimeMs: live.roundTripTimeMs,
    sendRate: sendRateOf(entry),
    sendRateMax: record.sendRateMax,
    minCipher: record.minCipher,
    owner: record.owner,
    ownerToken: record.ownerToken,
    ownerTokenSession: record.ownerTokenSession,
    userData: record.userData,
  };
};
