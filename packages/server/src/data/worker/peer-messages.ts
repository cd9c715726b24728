/**
 * Bodies of the JSON messages between two servers, parsed once at the border: a peer is hostile
 * until its offer has been accepted.
 */
import {
  type ErrorCode,
  isErrorCode,
  TRANSFER_FLAG_READ,
  TRANSFER_FLAG_WRITE,
  VERIFY_MODES,
} from '@jetstream/contract';
import { encodeMessage } from '@jetstream/transport';
import { z } from 'zod';
import { foreignSeal, VERIFIED } from '../../receipts/receipt-format.js';
import type { SendOrder } from '../data-plane.js';

const text = (max: number) => z.string().max(max);
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const errorCode = z
  .string()
  .max(64)
  .transform((code): ErrorCode => (isErrorCode(code) ? code : 'peer_refused'));
const ranges = z.array(z.tuple([count, count])).max(100_000);
const fileErrors = z
  .array(z.object({ destPath: text(9000), code: errorCode, message: text(10_000) }))
  .max(100);

export const helloBody = z.object({ serverId: text(128), serverUid: text(128) });

const offerKeys = z.object({
  transferId: z.string().regex(/^[0-9a-f]{32}$/),
  token: text(512).nullable(),
  destinationPath: text(9000),
  overwriteMode: z.int().min(0).max(5),
  stopOnFileError: z.boolean().default(false),
  publishWhole: z.boolean().default(false),
  verifyMode: z.enum(VERIFY_MODES).default('chunks'),
  /** Null for one checkpoint at the end. */
  checkpointSeconds: z.number().min(0.1).max(3600).nullable(),
  /** Both null when the list has no known end yet; `entriesEnd` tells it then. */
  totalFiles: count.nullable(),
  totalBytes: count.nullable(),
  /** Sum of `TRANSFER_FLAG_*`. */
  transferFlags: z
    .int()
    .min(0)
    .max(3)
    .default(TRANSFER_FLAG_READ + TRANSFER_FLAG_WRITE),
  /** Whether what is complete with failed files begins again. */
  startsAnew: z.boolean().default(false),
  /** Whether what is here of the transfer is thrown away, and nothing comes. */
  withdraws: z.boolean().default(false),
});
/** A list has both totals or none. */
export const offerBody = offerKeys.refine(
  ({ totalFiles, totalBytes }) => (totalFiles === null) === (totalBytes === null),
);
export type OfferBody = z.infer<typeof offerBody>;

/** What the receiver is asked. */
export const offerOf = (order: SendOrder): OfferBody => ({
  transferId: order.transferId,
  token: order.destination.token,
  destinationPath: order.destinationPath,
  overwriteMode: order.overwriteMode,
  stopOnFileError: order.stopOnFileError ?? false,
  publishWhole: order.publishWhole ?? false,
  checkpointSeconds: order.checkpointSeconds,
  verifyMode: order.verifyMode ?? 'chunks',
  totalFiles: order.totalFiles,
  totalBytes: order.totalBytes,
  transferFlags: order.transferFlags,
  startsAnew: order.startsAnew,
  withdraws: order.withdraws ?? false,
});

/** End of a list that was offered without totals. */
export const entriesEndBody = z.object({ totalFiles: count, totalBytes: count });
/** `chunkLimit` is the first credit, so that data need not wait for an ack that carries it. */
export const acceptBody = z.object({ durable: ranges, chunkLimit: count });
export const durableBody = z.object({ ranges });
export const chunkBadBody = z.object({ chunk: count });
export const failureBody = z.object({ code: errorCode, message: text(10_000) });
/** `pauses` says that the sender will go on. */
export const cancelBody = z.object({
  discard: z.boolean(),
  pauses: z.boolean().default(false),
  message: text(10_000),
});
export const completeBody = z.object({
  files: count,
  bytes: count,
  fileErrors,
  fileErrorCount: count,
  /** How the receiver has verified the files. */
  verified: z.enum(VERIFIED).default('chunks'),
  /** What the receiver has signed. */
  receipt: foreignSeal.nullable().default(null),
});
export type CompleteBody = z.infer<typeof completeBody>;

/** Encodes a JSON body. */
export const jsonBody = (body: object): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(body));

/** Encodes a message with a JSON body. */
export const jsonMessage = (type: number, channel: number, body: object): Uint8Array =>
  encodeMessage({ type, channel, body: jsonBody(body) });

/** Parses a JSON body. @returns null when it isn't what was agreed. */
export const parseBody = <T extends z.ZodType>(schema: T, body: Uint8Array): z.output<T> | null => {
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder().decode(body)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
};
