/** What the data plane is told to send. */
import type { SendOrder } from '../data/data-plane.js';
import type { DestinationRecord } from '../destinations/destination-store.js';
import type { TransferRecord } from './transfer-record.js';

/** The order for one attempt; the transfer's own token goes before that of the destination. */
export const sendOrderOf = (
  record: TransferRecord,
  destination: DestinationRecord,
  listPath: (manifestId: string) => string,
): SendOrder => ({
  transferId: record.id,
  manifestListPath: listPath(record.manifestId),
  totalFiles: record.isOpen === true ? null : record.totalFiles,
  totalBytes: record.isOpen === true ? null : record.totalBytes,
  destination: {
    id: destination.id,
    address: destination.address,
    port: destination.port,
    controlPort: destination.controlPort,
    publicKey: destination.publicKey,
    token: record.destinationToken ?? destination.token,
    rateMaxKbps: destination.sendRateMax,
    policy: destination.rateControlMethod,
    minCipher: record.minCipher,
  },
  destinationPath: record.destinationPath,
  overwriteMode: record.overwriteMode,
  stopOnFileError: record.stopOnFileError ?? false,
  publishWhole: record.publishWhole ?? false,
  checkpointSeconds: record.checkpointFrequencySeconds,
  verifyMode: record.verifyMode ?? 'chunks',
  priority: record.priority,
  rateMaxKbps: record.sendRateMax,
  policy: record.rateControlMethod,
  transferFlags: record.transferFlags,
  startsAnew: record.startsAnew,
});
