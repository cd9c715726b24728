/** Methods of the send interface: transfers, their receipts, and user data of all objects. */
import { z } from 'zod';
import { method } from '../method.js';
import {
  RATE_POLICIES,
  receiptPage,
  requestHandle,
  transferStructure,
  userData,
  VERIFY_MODES,
} from '../structures.js';
import {
  destinationId,
  id,
  manifestId,
  page,
  pageDocs,
  rate,
  rateOrZero,
  timeoutSeconds,
  transferId,
} from './send-parameters.js';
import { path } from './server.js';

/** Bytes of one page of a receipt, at least: the longest line. */
export const RECEIPT_PAGE_BYTES_MIN = 65_536;
/** Bytes of one page of a receipt, at most. */
export const RECEIPT_PAGE_BYTES_MAX = 4_194_304;

/** Parameters of both methods that return a receipt. */
export const receiptRange = {
  offset: z.int().min(0).nullish(),
  limit: z.int().min(RECEIPT_PAGE_BYTES_MIN).max(RECEIPT_PAGE_BYTES_MAX).nullish(),
};
export const receiptRangeDocs = {
  offset: '`nextOffset` of the page before; 0 when absent',
  limit: 'Most bytes of one page; 1,048,576 when absent',
};
/** Pages that follow one another by the last id, so that the first and the last are as fast. */
const keysetPage = {
  ...page,
  after: id.nullish(),
  order: z.enum(['oldest', 'newest']).nullish(),
};
const keysetPageDocs = {
  ...pageDocs,
  after: 'Ours: id of the last entry of the page before; fast at any depth',
  order: 'Ours: `oldest` (default) or `newest` first',
};
const priority = z.int().min(0).max(1_000_000);
const retryDays = z.number().min(0).max(365);

/** Kinds of objects that carry user data. */
export const USER_DATA_OBJECTS = ['manifest', 'destination', 'transfer', 'sharedToken'] as const;
const objectType = z.enum(USER_DATA_OBJECTS);

export const sendMethods = {
  'send.updateObjectUserData': method({
    params: { objectType, objectId: id, userData },
    required: ['objectType', 'objectId', 'userData'],
    result: userData,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: '1.0.0',
    summary: 'Sets user data of an object; other keys stay. Returns all its user data.',
    paramDocs: {
      objectType: 'What the id names',
      objectId: 'Id of the object',
      userData: 'Keys and their new values',
    },
    mutates: true,
  }),
  'send.deleteObjectUserData': method({
    params: { objectType, objectId: id, key: z.string().max(256) },
    required: ['objectType', 'objectId', 'key'],
    result: userData,
    access: 'user',
    errors: ['not_found'],
    since: '1.0.0',
    summary: 'Removes one piece of user data of an object. Returns what is left.',
    paramDocs: {
      objectType: 'What the id names',
      objectId: 'Id of the object',
      key: 'Name of the piece; it is no error when there is none',
    },
    mutates: true,
  }),
  'send.createTransfer': method({
    params: {
      manifestId,
      destinationId,
      destinationPath: path.nullish(),
      priority: priority.nullish(),
      sendRateMax: rate.nullish(),
      rateControlMethod: z.enum(RATE_POLICIES).nullish(),
      retryDays: retryDays.nullish(),
      checkpointFrequencySeconds: z.number().min(0.1).max(3600).nullish(),
      overwriteMode: z.int().min(0).max(5).nullish(),
      verifyMode: z.enum(VERIFY_MODES).nullish(),
      transferFlags: z.int().min(0).max(3).nullish(),
      minCipher: z.int().min(0).max(3).nullish(),
      destinationToken: z.string().max(512).nullish(),
      onFileError: z.enum(['continue', 'stop']).nullish(),
      publish: z.enum(['each', 'whole']).nullish(),
      whilePending: z.boolean().nullish(),
    },
    nullable: ['checkpointFrequencySeconds'],
    required: ['manifestId', 'destinationId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'manifest_not_ready', 'path_invalid', 'conflict'],
    since: '1.0.0',
    summary: 'Starts a transfer of a manifest to a destination.',
    paramDocs: {
      manifestId: 'Id or structure',
      destinationId: 'Id or structure',
      destinationPath: 'Directory at the receiver, made as parent of all files',
      priority: 'Lower is sent first; 100 when absent',
      sendRateMax: 'Ours: own ceiling in kbit/s, beside that of the destination',
      rateControlMethod:
        'Ours: own policy (fair, high, background, fixed); that of the destination when absent',
      retryDays:
        'Ours: days without progress after which a broken transfer is given up; 7 when absent, 0 for no second attempt',
      checkpointFrequencySeconds:
        'How often the receiver makes data durable; 5 when absent, null (written out) for at the end only',
      overwriteMode:
        'IN_PLACE_NEVER 0, IN_PLACE_ALWAYS 1, IN_PLACE_SAME_SIZE 2, NEVER 3, ALWAYS 4 (default), BACKUP 5',
      verifyMode:
        'Ours: chunks (default), or readback: the receiver reads each file from its disk again after it is published',
      transferFlags:
        'READ 1 + WRITE 2; 3 when absent. For performance tests: without READ zeros are sent, without WRITE the receiver discards; it must allow that',
      minCipher: 'Least cipher; that of the destination when absent',
      destinationToken:
        'Ours: API token of the receiving server; overrides that of the destination',
      onFileError: 'Ours: what a file that fails means for the others: continue (default) or stop',
      publish:
        'Ours: each file appears when it is whole (each, default), or the destination path appears at once when everything is there (whole)',
      whilePending:
        'Ours: takes a manifest that is still being made and sends what is known of it; false when absent',
    },
    mutates: true,
  }),
  'send.getTransfer': method({
    params: { transferId },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found'],
    since: '1.0.0',
    summary: 'Returns the state of a transfer.',
    paramDocs: { transferId: 'Id or structure' },
  }),
  'send.getTransfers': method({
    params: { ...keysetPage },
    required: [],
    result: z.array(transferStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns all transfers that the caller may see, oldest first.',
    paramDocs: keysetPageDocs,
  }),
  'send.waitForTransfer': method({
    params: { transferId, timeoutSeconds },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'timeout'],
    since: 'ours',
    summary: 'Waits until a transfer has ended (complete, error or cancelled) and returns it.',
    paramDocs: {
      transferId: 'Id or structure',
      timeoutSeconds: 'Longest wait; no limit when absent',
    },
  }),
  'send.getReceipt': method({
    params: { transferId, ...receiptRange },
    required: ['transferId'],
    result: receiptPage,
    access: 'user',
    errors: ['not_found'],
    since: 'ours',
    summary:
      'Returns a part of the receipt that this server has signed for a transfer it has sent.',
    paramDocs: { transferId: 'Id or structure', ...receiptRangeDocs },
  }),
  'send.updateTransfer': method({
    params: {
      transferId,
      priority: priority.nullish(),
      sendRateMax: rateOrZero.nullish(),
      rateControlMethod: z.enum([...RATE_POLICIES, 'destination']).nullish(),
    },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: 'ours',
    summary:
      'Changes priority, ceiling or policy of a transfer that has not ended, a running one at once.',
    paramDocs: {
      transferId: 'Id or structure',
      priority: 'Lower is sent first; a waiting one moves in the queue',
      sendRateMax: 'Own ceiling in kbit/s; 0 for none',
      rateControlMethod: 'Own policy; `destination` for that of the destination',
    },
    mutates: true,
  }),
  'send.setSendRateAsync': method({
    params: { transferId, sendRateMax: rateOrZero },
    required: ['transferId', 'sendRateMax'],
    result: requestHandle,
    requestResult: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: '1.0.0',
    summary: 'Sets the ceiling of one transfer, a running one at once; the result is the transfer.',
    paramDocs: { transferId: 'Id or structure', sendRateMax: 'kbit/s; 0 for none' },
    mutates: true,
  }),
  'send.suspendTransfer': method({
    params: { transferId },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: 'ours',
    summary: 'Takes a transfer out of the queue, or stops it with its progress kept.',
    paramDocs: { transferId: 'Id or structure' },
    mutates: true,
  }),
  'send.resumeTransfer': method({
    params: { transferId },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: 'ours',
    summary: 'Queues a suspended transfer again; it goes on where it stopped.',
    paramDocs: { transferId: 'Id or structure' },
    mutates: true,
  }),
  'send.retryTransfer': method({
    params: { transferId },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict', 'manifest_not_ready'],
    since: 'ours',
    summary:
      'Queues a transfer again that ended with an error or was cancelled, or ends the pause before ' +
      'the next attempt. It goes on with what the receiver still has.',
    paramDocs: { transferId: 'Id or structure' },
    mutates: true,
  }),
  'send.failTransfer': method({
    params: { transferId, errorMessage: z.string().min(1).max(1000) },
    required: ['transferId', 'errorMessage'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: '1.0.0',
    summary:
      'Ends a transfer with an error of the caller; what the receiver has is kept for a retry.',
    paramDocs: { transferId: 'Id or structure', errorMessage: 'Why, in words' },
    mutates: true,
  }),
  'send.cancelTransfer': method({
    params: { transferId, keepPartial: z.boolean().nullish() },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: 'ours',
    summary: 'Ends a transfer; files that are complete at the receiver stay.',
    paramDocs: {
      transferId: 'Id or structure',
      keepPartial:
        'True keeps unfinished files at the receiver for a retry, until they are collected; otherwise they are removed',
    },
    mutates: true,
  }),
  'send.deleteTransfer': method({
    params: { transferId },
    required: ['transferId'],
    result: z.null(),
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: '1.0.0',
    summary: 'Deletes the record of a transfer that has ended.',
    paramDocs: { transferId: 'Id or structure' },
    mutates: true,
  }),
} as const;
