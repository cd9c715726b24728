/**
 * Structures that methods return, with the reference's camelCase keys: requests, files, and everything
 * that is sent or received; those about the server are in `server-structures.ts`. Timestamps are integer
 * microseconds since the epoch, UTC; null until reached. Rates are kilobits per second.
 */
import { z } from 'zod';

/** Microseconds since the epoch, UTC. */
export const timestamp = z.int();
const timestampOrNull = timestamp.nullable();
/** Free facts that users attach to objects: names to any JSON values. */
export const userData = z.record(z.string().max(256), z.json());
export type UserData = z.infer<typeof userData>;

/** Reply to an `…Async` method. */
export const requestHandle = z.object({ requestId: z.int() });

export const requestStructure = z.object({
  requestId: z.int(),
  /** True while the request runs. */
  processing: z.boolean(),
  /** `success` and `error` are final. */
  status: z.enum(['pending', 'success', 'error']),
  /** What went wrong, empty while nothing did. */
  errorMessage: z.string(),
  /** Ours: the stable code behind `errorMessage`, null while there is none. */
  errorCode: z.string().nullable(),
  /** Ours: what a running request has done so far, null when it does not count. */
  progress: z.record(z.string(), z.number()).nullable(),
});
export type RequestStructure = z.infer<typeof requestStructure>;

export const fileEntry = z.object({
  /** Joined with the path of the listing it is the full path. */
  name: z.string(),
  /** File 4, directory 2, symbolic link 5, root 10; 0 for anything else. */
  type: z.int(),
  /** Bytes of a file, 0 for anything else. */
  size: z.int(),
  /** Seconds since the epoch. */
  mtime: z.number(),
  /** Microseconds since the epoch. */
  mtimeus: z.int(),
  /** What the server may do for the user: read 4, write 2, execute 1. */
  access: z.int().min(0).max(7),
  /** Lower-case hex; empty unless asked for, and for what is no readable file. */
  hash: z.string(),
  /** Ours: all hashes by type when several were asked for; `hash` is the first of them. */
  hashes: z.record(z.string(), z.string()).optional(),
});
export type FileEntry = z.infer<typeof fileEntry>;
export const listing = z.object({ path: z.string(), files: z.array(fileEntry) });
export type Listing = z.infer<typeof listing>;

const ownership = {
  owner: z.string(),
  ownerToken: z.string().nullable(),
  ownerTokenSession: z.string().nullable(),
  userData,
};

export const manifestStructure = z.object({
  manifestId: z.string(),
  status: z.enum(['pending', 'complete', 'error']),
  processing: z.boolean(),
  errorMessage: z.string(),
  totalFiles: z.int().nullable(),
  /** Bytes of all files, null while pending. */
  totalSize: z.int().nullable(),
  ...ownership,
});
export type ManifestStructure = z.infer<typeof manifestStructure>;

export const fileMapping = z.object({
  srcPath: z.string(),
  destPath: z.string(),
  fileSize: z.int(),
  isEmptyDir: z.boolean(),
  executable: z.boolean(),
  modificationTime: timestamp,
  /** Ours: text of a symbolic link, null for anything else. */
  linkTarget: z.string().nullable(),
});
export type FileMapping = z.infer<typeof fileMapping>;
export const manifestFilesStructure = z.object({
  manifestId: z.string(),
  fileMappings: z.array(fileMapping),
  /** Ours: index to continue from with `offset`, null at the end. */
  nextOffset: z.int().nullable(),
});
export type ManifestFilesStructure = z.infer<typeof manifestFilesStructure>;

const connectionState = z.enum(['disconnected', 'negotiating', 'connected']);
/** How the receiver verifies files beyond their chunks. */
export const VERIFY_MODES = ['chunks', 'readback'] as const;

export const RATE_POLICIES = ['fair', 'high', 'background', 'fixed'] as const;

export const destinationStructure = z.object({
  destinationId: z.string(),
  connectionId: z.string(),
  destinationAddress: z.string(),
  destinationIP: z.string().nullable(),
  destinationPort: z.int(),
  /** Ours: TCP port of its API, used where UDP does not pass. */
  destinationControlPort: z.int(),
  destinationPublicKey: z.string().nullable(),
  permittedDestinationPublicKey: z.string().nullable(),
  encryptedConnectionState: connectionState,
  encryptionEnabled: z.boolean(),
  lastDestinationServerId: z.string().nullable(),
  lastDestinationServerUid: z.string().nullable(),
  lastError: timestampOrNull,
  lastErrorMessage: z.string().nullable(),
  lastRecvTime: timestampOrNull,
  lastSendTime: timestampOrNull,
  numTransfersQueued: z.int(),
  rateControllerActive: z.boolean(),
  rateControlMethod: z.enum(RATE_POLICIES),
  relayIP: z.string().nullable(),
  relayPort: z.int().nullable(),
  roundTripTimeMs: z.number().nullable(),
  /** Measured sending rate, kbit/s. */
  sendRate: z.number(),
  /** Ceiling, kbit/s; null for none. */
  sendRateMax: z.number().nullable(),
  minCipher: z.int(),
  ...ownership,
});
export type DestinationStructure = z.infer<typeof destinationStructure>;

/** The way to one address and port, which all destinations there share. */
export const connectionStructure = z.object({
  /** `address:port` */
  connectionId: z.string(),
  destinationIP: z.string().nullable(),
  destinationPort: z.int(),
  destinationPublicKey: z.string().nullable(),
  encryptedConnectionState: connectionState,
  encryptionEnabled: z.boolean(),
  lastDestinationServerId: z.string().nullable(),
  lastDestinationServerUid: z.string().nullable(),
  lastError: timestampOrNull,
  lastErrorMessage: z.string().nullable(),
  lastRecvTime: timestampOrNull,
  lastSendTime: timestampOrNull,
  /** Of all its destinations that the caller may see. */
  numTransfersQueued: z.int(),
  rateControllerActive: z.boolean(),
  rateControlMethod: z.enum(RATE_POLICIES),
  relayIP: z.string().nullable(),
  relayPort: z.int().nullable(),
  roundTripTimeMs: z.number().nullable(),
  /** Ours: measured sending rate of all its destinations, kbit/s. */
  sendRate: z.number(),
  /** Ours: ids of its destinations that the caller may see. */
  destinationIds: z.array(z.string()),
});
export type ConnectionStructure = z.infer<typeof connectionStructure>;

export const TRANSFER_STATES = [
  'pending',
  'queued',
  'active',
  'suspended',
  'complete',
  'error',
  'cancelled',
] as const;

export const transferStructure = z.object({
  transferId: z.string(),
  manifestId: z.string(),
  destinationId: z.string(),
  destinationPath: z.string(),
  status: z.enum(TRANSFER_STATES),
  processing: z.boolean(),
  errorMessage: z.string(),
  errorCode: z.string().nullable(),
  /** Bytes of a counted block, 256. */
  blockSize: z.int(),
  totalBlocks: z.int().nullable(),
  totalBytes: z.int().nullable(),
  totalFiles: z.int().nullable(),
  /** Ours: the manifest is still being made, and the totals are those of what is known of it. */
  totalsGrow: z.boolean(),
  blocksSent: z.int(),
  /** Blocks that the receiver has confirmed. */
  blocksAcked: z.int(),
  blocksRetransmitted: z.int(),
  bytesSent: z.int(),
  bytesRecv: z.int(),
  packetsSent: z.int(),
  packetsRecv: z.int(),
  /** Ours: bytes that the receiver holds durably. */
  bytesDurable: z.int(),
  /** Null when the receiver makes data durable at the end only. */
  checkpointFrequencySeconds: z.number().nullable(),
  /** Lower is sent first. */
  priority: z.int(),
  /** Ours: own ceiling beside that of the destination, kbit/s; null for none. */
  sendRateMax: z.number().nullable(),
  /** Ours: own policy; null when that of the destination applies. */
  rateControlMethod: z.enum(RATE_POLICIES).nullable(),
  /** Ours: days without progress after which a broken transfer is given up. */
  retryDays: z.number(),
  /** Ours: attempts in a row that broke without progress. */
  retryCount: z.int(),
  /** Ours: when the next attempt is due; null unless it waits for one. */
  nextRetryTime: timestampOrNull,
  overwriteMode: z.int(),
  /** Ours: `readback` when files are read from the disk again after they are published. */
  verifyMode: z.enum(VERIFY_MODES),
  transferFlags: z.int(),
  minCipher: z.int(),
  requestTime: timestamp,
  queueTime: timestampOrNull,
  startTime: timestampOrNull,
  endTime: timestampOrNull,
  /** When this structure was made. */
  snapshotTime: timestamp,
  /** Ours: measured over the last second, kbit/s. */
  sendRate: z.number(),
  /** Ours: seconds to go at that rate, null when unknown. */
  etaSeconds: z.number().nullable(),
  roundTripTimeMs: z.number().nullable(),
  /**
   * Ours: what carries the transfer, `native` or `dgram` (UDP) or `tcp` (TLS streams where UDP does not
   * pass), null before the first packet; and why, in one line.
   */
  path: z.string().nullable(),
  pathReason: z.string().nullable(),
  /** Ours: what holds the transfer back now, null when unknown. */
  bottleneck: z
    .enum(['source disk', 'cpu', 'own limit', 'network', 'receiver', 'nothing to send'])
    .nullable(),
  /** Ours: files that failed by themselves, with named errors; at most the first 100. */
  fileErrors: z.array(z.object({ destPath: z.string(), code: z.string(), message: z.string() })),
  /** Ours: where the sending server keeps the receipt; null before completion. */
  receiptPath: z.string().nullable(),
  ...ownership,
});
export type TransferStructure = z.infer<typeof transferStructure>;

export const sourceStructure = z.object({
  sourceIP: z.string(),
  sourcePort: z.int(),
  activeTransferCount: z.int(),
  inactiveTransferCount: z.int(),
  completeTransferCount: z.int(),
  errorTransferCount: z.int(),
  aveRecvRate: z.number(),
  aveRecvRateWindow: z.number(),
  destinationPublicKey: z.string(),
  encryptedConnectionState: connectionState,
  encryptionEnabled: z.boolean(),
});
export type SourceStructure = z.infer<typeof sourceStructure>;

export const receiveTransferStructure = z.object({
  transferId: z.string(),
  destinationPath: z.string(),
  status: z.enum(['receiving', 'complete', 'error']),
  errorMessage: z.string(),
  totalSize: z.int().nullable(),
  totalFiles: z.int().nullable(),
  /** Ours: bytes verified and durable. */
  bytesDurable: z.int(),
  sourceIP: z.string(),
  sourcePort: z.int(),
  lastRecvTime: timestampOrNull,
  lastSendTime: timestampOrNull,
  lastErrorTime: timestampOrNull,
  /** Ours: where the receiving server keeps the receipt; null before completion. */
  receiptPath: z.string().nullable(),
  owner: z.string(),
});
export type ReceiveTransferStructure = z.infer<typeof receiveTransferStructure>;

/** Ours: a piece of a receipt, whole lines of it; docs/RECEIPTS.md says what they mean. */
export const receiptPage = z.object({
  transferId: z.string(),
  role: z.enum(['sender', 'receiver']),
  /** Bytes of the whole receipt in UTF-8. */
  totalBytes: z.int(),
  text: z.string(),
  /** Where the next page begins, null after the last one. */
  nextOffset: z.int().nullable(),
});
export type ReceiptPage = z.infer<typeof receiptPage>;

export const tokenStructure = z.object({
  /** The full text on creation; afterwards the id that names the token, without its secret. */
  token: z.string(),
  description: z.string(),
  creationTime: timestamp,
  /** Null for never. */
  expiryTime: timestampOrNull,
  passwordRequired: z.boolean(),
  /** Sum of DOWNLOAD 1, UPLOAD 2, MODIFY 4, CREATE_LINK 8, LIST 16. */
  permissions: z.int(),
  /** The only directory it reaches, null for all of its creator. */
  path: z.string().nullable(),
  ...ownership,
});
export type TokenStructure = z.infer<typeof tokenStructure>;

/** A shared token: a link by which the files of one manifest can be downloaded. */
export const sharedTokenStructure = z.object({
  /** The full text on creation; afterwards the id that names the token, without its secret. */
  token: z.string(),
  description: z.string(),
  creationTime: timestamp,
  /** Null for never. */
  expiryTime: timestampOrNull,
  passwordRequired: z.boolean(),
  /** DOWNLOAD 1, always. */
  permissions: z.int(),
  manifestId: z.string(),
  /** Downloads that were started: transfers, and downloads by a browser. */
  downloadCount: z.int(),
  /** Downloads after which the token is used up; null for no limit. */
  downloadLimit: z.int().nullable(),
  ...ownership,
});
export type SharedTokenStructure = z.infer<typeof sharedTokenStructure>;
