/**
 * Tables of manifests, destinations, transfers, receiving and events; made by migrations 0002,
 * 0004, 0010 and 0013.
 */
import type { Generated, GeneratedAlways } from 'kysely';

/** What every owned object records; `userData` is JSON. */
interface OwnerColumns {
  owner: string;
  ownerToken: string | null;
  ownerTokenSession: string | null;
  userData: string;
}

interface ManifestTable extends OwnerColumns {
  id: string;
  status: 'pending' | 'complete' | 'error';
  errorCode: string | null;
  errorMessage: string;
  totalFiles: number | null;
  totalSize: number | null;
  creationTimeUs: number;
}

interface DestinationTable extends OwnerColumns {
  sequence: Generated<number>;
  id: string;
  address: string;
  port: number;
  controlPort: number | null;
  permittedPublicKey: string | null;
  publicKey: string | null;
  token: string | null;
  sendRateMax: number | null;
  rateControlMethod: string;
  minCipher: number;
  creationTimeUs: number;
  ip: string | null;
  lastServerId: string | null;
  lastServerUid: string | null;
  lastErrorUs: number | null;
  lastErrorMessage: string | null;
  lastRecvTimeUs: number | null;
  lastSendTimeUs: number | null;
}

interface TransferTable extends OwnerColumns {
  id: string;
  manifestId: string;
  destinationId: string;
  status: string;
  record: string;
  /** Read out of the record. */
  endTimeUs: GeneratedAlways<number | null>;
}

interface WithdrawalTable {
  transferId: string;
  /** Order for the data plane, JSON. */
  sendOrder: string;
  sinceUs: number;
}

interface ReceivedTransferTable extends OwnerColumns {
  id: string;
  peerKey: string;
  status: 'receiving' | 'complete' | 'error';
  endTimeUs: number | null;
  record: string;
}

interface AuthorizedClientTable {
  publicKey: string;
  addedBy: string;
  addedTimeUs: number;
}

interface EventTable {
  seq: number;
  timeUs: number;
  name: string;
  fields: string;
  previousHash: string;
  hash: string;
  /** Read out of the fields, like the next two. */
  owner: GeneratedAlways<string | null>;
  ownerToken: GeneratedAlways<string | null>;
  ownerTokenSession: GeneratedAlways<string | null>;
}

/** One row: the last of the events. */
interface EventHeadTable {
  id: number;
  seq: number;
  hash: string;
}

export interface TransferTables {
  manifests: ManifestTable;
  destinations: DestinationTable;
  transfers: TransferTable;
  withdrawals: WithdrawalTable;
  receivedTransfers: ReceivedTransferTable;
  authorizedClients: AuthorizedClientTable;
  events: EventTable;
  eventHead: EventHeadTable;
}
