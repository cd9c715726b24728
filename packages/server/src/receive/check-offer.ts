/** The form of an offer, which comes from another server. */
import { CommandError } from '@jetstream/contract';
import type { ReceiveOffer } from '../data/data-plane.js';
import { isObjectId } from '../manifests/id-source.js';

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/**
 * The data plane has only decoded it.
 *
 * @throws {CommandError} `invalid_params`.
 */
export const checkOffer = (offer: ReceiveOffer): void => {
  const { transferId, overwriteMode, totalFiles, totalBytes, checkpointSeconds } = offer;
  const isWellFormed =
    isObjectId(transferId) &&
    Number.isInteger(overwriteMode) &&
    overwriteMode >= 0 &&
    overwriteMode <= 5 &&
    (totalFiles === null) === (totalBytes === null) &&
    isCount(totalFiles ?? 0) &&
    isCount(totalBytes ?? 0) &&
    (checkpointSeconds === null || checkpointSeconds > 0);
  if (isWellFormed) return;
  throw new CommandError(
    'invalid_params',
    `Cannot receive: the offer is malformed (transfer id ${JSON.stringify(transferId.slice(0, 40))}, overwrite mode ${overwriteMode}, ${totalFiles} files, ${totalBytes} bytes, checkpoint ${checkpointSeconds} s)`,
  );
};
