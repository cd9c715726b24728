/** Methods of the send interface: `send.` in front of the name on the wire. */
import { z } from 'zod';
import { method, reference } from '../method.js';
import {
  destinationStructure,
  manifestFilesStructure,
  manifestStructure,
  RATE_POLICIES,
  receiptPage,
  transferStructure,
  VERIFY_MODES,
} from '../structures.js';
import { path } from './server.js';

/** Bytes of one page of a receipt, at least: the longest line. */
export const RECEIPT_PAGE_BYTES_MIN = 65_536;
/** Bytes of one page of a receipt, at most. */
export const RECEIPT_PAGE_BYTES_MAX = 4_194_304;

const id = z.string().min(1).max(256);
const manifestId = reference('manifestId', id);
const destinationId = reference('destinationId', id);
const transferId = reference('transferId', id);
const timeoutSeconds = z.number().min(0).max(86_400).nullish();
const page = {
  limit: z.int().min(1).max(100_000).nullish(),
  offset: z.int().min(0).nullish(),
};
const pageDocs = { limit: 'Ours: most entries to return', offset: 'Ours: entries to skip' };
/** Parameters of both methods that return a receipt. */
export const receiptRange = {
  offset: z.int().min(0).nullish(),
  limit: z.int().min(RECEIPT_PAGE_BYTES_MIN).max(RECEIPT_PAGE_BYTES_MAX).nullish(),
};
export const receiptRangeDocs = {
  offset: '`nextOffset` of the page before; 0 when absent',
  limit: 'Most bytes of one page; 1,048,576 when absent',
};
const rate = z.number().min(1).max(1e9);

/** `src:dst`, or `src::dst` when a side holds a colon. */
const mappingText = z
  .string()
  .min(3)
  .max(8192 * 2 + 2);

/** Globs; see docs/DELIVERY.md. */
const patterns = z.array(z.string().min(1).max(1000)).max(200);

export const sendMethods = {
  'send.createManifest': method({
    params: {
      mappings: z.record(path, path).nullish(),
      fileMappings: z
        .union([
          mappingText,
          z
            .array(z.union([mappingText, z.strictObject({ srcPath: path, destPath: path })]))
            .max(100_000),
        ])
        .nullish(),
      symlinks: z.int().min(0).max(2).nullish(),
      include: patterns.nullish(),
      exclude: patterns.nullish(),
    },
    required: [],
    result: manifestStructure,
    access: 'user',
    errors: ['path_invalid'],
    since: '1.0.0',
    summary:
      'Makes a manifest from file mappings; directories are taken with everything below. ' +
      'Returns at once with status `pending`.',
    paramDocs: {
      mappings: 'Destination path to source path',
      fileMappings:
        'The same as a list of `source:destination` (`source::destination` when a side holds a colon) or of `{srcPath, destPath}`',
      symlinks: 'FOLLOW 0 (default), IGNORE 1, ours: PRESERVE 2',
      include:
        'Ours: globs of what is taken below a source directory; without a slash they mean the name at any depth',
      exclude: 'Ours: globs of what is left out; they go before `include`',
    },
    mutates: true,
  }),
  'send.getManifest': method({
    params: { manifestId },
    required: ['manifestId'],
    result: manifestStructure,
    access: 'user',
    errors: ['not_found'],
    since: '1.0.0',
    summary: 'Returns the state of a manifest.',
    paramDocs: { manifestId: 'Id or structure' },
  }),
  'send.getManifests': method({
    params: { ...page },
    required: [],
    result: z.array(manifestStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns all manifests that the caller may see, oldest first.',
    paramDocs: pageDocs,
  }),
  'send.waitForManifest': method({
    params: { manifestId, timeoutSeconds },
    required: ['manifestId'],
    result: manifestStructure,
    access: 'user',
    errors: ['not_found', 'timeout'],
    since: '1.0.0',
    summary: 'Waits until a manifest is no longer processing and returns it.',
    paramDocs: {
      manifestId: 'Id or structure',
      timeoutSeconds: 'Longest wait; no limit when absent',
    },
  }),
  'send.getManifestFiles': method({
    params: { manifestId, ...page },
    required: ['manifestId'],
    result: manifestFilesStructure,
    access: 'user',
    errors: ['not_found', 'manifest_not_ready'],
    since: '1.0.0',
    summary: 'Returns the file mappings of a manifest.',
    paramDocs: { manifestId: 'Id or structure', ...pageDocs },
  }),
  'send.deleteManifest': method({
    params: { manifestId },
    required: ['manifestId'],
    result: z.null(),
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: '1.0.0',
    summary: 'Deletes a manifest that no unfinished transfer uses.',
    paramDocs: { manifestId: 'Id or structure' },
    mutates: true,
  }),
  'send.createDestination': method({
    params: {
      destinationAddress: z.string().min(1).max(253),
      destinationPort: z.int().min(1).max(65_535).nullish(),
      destinationControlPort: z.int().min(1).max(65_535).nullish(),
      destinationPublicKey: z.string().max(256).nullish(),
      destinationToken: z.string().max(512).nullish(),
      sendRateMax: rate.nullish(),
      rateControlMethod: z.enum(RATE_POLICIES).nullish(),
      minCipher: z.int().min(0).max(3).nullish(),
    },
    required: ['destinationAddress'],
    result: destinationStructure,
    access: 'user',
    errors: ['conflict'],
    since: '1.0.0',
    summary: 'Adds a receiving server, or returns the existing one with the same parameters.',
    paramDocs: {
      destinationAddress: 'Host name or IP address',
      destinationPort: 'UDP port, 8886 when absent',
      destinationControlPort:
        'Ours: TCP port of its API, used where UDP does not pass; the number of `destinationPort` when absent',
      destinationPublicKey: '`publicKey` of its server info; pinned at first contact when absent',
      destinationToken: 'Ours: API token of that server with the UPLOAD right',
      sendRateMax: 'Ceiling in kbit/s; none when absent',
      rateControlMethod: 'Ours: fair (default), high, background or fixed',
      minCipher: 'Least cipher: 2 AES-128-GCM (default), 3 AES-256-GCM',
    },
    mutates: true,
  }),
  'send.getDestination': method({
    params: { destinationId },
    required: ['destinationId'],
    result: destinationStructure,
    access: 'user',
    errors: ['not_found'],
    since: '1.0.0',
    summary: 'Returns a destination.',
    paramDocs: { destinationId: 'Id or structure' },
  }),
  'send.getDestinations': method({
    params: { ...page },
    required: [],
    result: z.array(destinationStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns all destinations that the caller may see, oldest first.',
    paramDocs: pageDocs,
  }),
  'send.deleteDestination': method({
    params: { destinationId },
    required: ['destinationId'],
    result: z.null(),
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: '1.0.0',
    summary: 'Deletes a destination that no unfinished transfer uses.',
    paramDocs: { destinationId: 'Id or structure' },
    mutates: true,
  }),
  'send.createTransfer': method({
    params: {
      manifestId,
      destinationId,
      destinationPath: path.nullish(),
      priority: z.int().min(0).max(1_000_000).nullish(),
      checkpointFrequencySeconds: z.number().min(0.1).max(3600).nullish(),
      overwriteMode: z.int().min(0).max(5).nullish(),
      verifyMode: z.enum(VERIFY_MODES).nullish(),
      transferFlags: z.int().min(0).max(3).nullish(),
      minCipher: z.int().min(0).max(3).nullish(),
      destinationToken: z.string().max(512).nullish(),
      onFileError: z.enum(['continue', 'stop']).nullish(),
      publish: z.enum(['each', 'whole']).nullish(),
    },
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
      checkpointFrequencySeconds: 'How often the receiver makes data durable; 5 when absent',
      overwriteMode:
        'IN_PLACE_NEVER 0, IN_PLACE_ALWAYS 1, IN_PLACE_SAME_SIZE 2, NEVER 3, ALWAYS 4 (default), BACKUP 5',
      verifyMode:
        'Ours: chunks (default), or readback: the receiver reads each file from its disk again after it is published',
      transferFlags: 'READ 1 + WRITE 2; 3 when absent',
      minCipher: 'Least cipher; that of the destination when absent',
      destinationToken:
        'Ours: API token of the receiving server; overrides that of the destination',
      onFileError: 'Ours: what a file that fails means for the others: continue (default) or stop',
      publish:
        'Ours: each file appears when it is whole (each, default), or the destination path appears at once when everything is there (whole)',
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
    params: { ...page },
    required: [],
    result: z.array(transferStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns all transfers that the caller may see, oldest first.',
    paramDocs: pageDocs,
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
  'send.cancelTransfer': method({
    params: { transferId },
    required: ['transferId'],
    result: transferStructure,
    access: 'user',
    errors: ['not_found', 'conflict'],
    since: 'ours',
    summary: 'Ends a transfer for good; files that are complete at the receiver stay.',
    paramDocs: { transferId: 'Id or structure' },
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
