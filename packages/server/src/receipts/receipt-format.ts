/**
 * What a receipt says, line by line; docs/RECEIPTS.md is for people who write another reader.
 *
 * A receipt is UTF-8 text, one JSON object a line: a head, a line for each file, an end, and a seal.
 * What is signed are the bytes of all lines before the seal, exactly as they lie in the file, so that
 * nobody has to agree on how to write JSON.
 */
import { z } from 'zod';

/** First value of every receipt; another number for another form. */
export const RECEIPT_FORMAT = 'jetstream-receipt-2';

/** Bytes of one line, at most: a path of 4,096 bytes is written with six for each at worst. */
export const RECEIPT_LINE_BYTES_MAX = 65_536;

/** What the receiver has done beyond verifying each chunk before it was written. */
export const VERIFIED = ['chunks', 'readback', 'reread'] as const;
export type Verified = (typeof VERIFIED)[number];

const count = z.int().min(0);
const hex = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.int();

const server = z.object({
  /** Base64 of the raw Ed25519 key. */
  publicKey: z.string().max(64),
  serverId: z.string().max(128),
  serverUid: z.string().max(128),
});
const peer = server.extend({ address: z.string().max(256), port: count });

/** The other side's word: digest of its receipt, and its signature over that. */
export const foreignSeal = z.object({ sha256: hex, signature: z.string().max(128) });
export type ForeignSeal = z.infer<typeof foreignSeal>;

const fileError = z.object({ destPath: z.string(), code: z.string(), message: z.string() });

/** First line. */
export const receiptHead = z.object({
  format: z.literal(RECEIPT_FORMAT),
  role: z.enum(['sender', 'receiver']),
  transferId: z.string().regex(/^[0-9a-f]{32}$/),
  server,
  peer,
  /** As the sender wrote it. */
  destinationPath: z.string(),
  totalFiles: count,
  totalBytes: count,
  /** Microseconds since the epoch, UTC: this attempt began, everything had arrived. */
  startTime: time,
  endTime: time,
  verified: z.enum(VERIFIED),
  /** A sender's receipt: what the receiver has signed; null if it has signed nothing valid. */
  receiver: foreignSeal.nullish(),
  /** A sender's receipt: files that the receiver has refused, the first of them by name. */
  receiverErrors: z.object({ count, files: z.array(fileError) }).nullish(),
});
export type ReceiptHead = z.infer<typeof receiptHead>;

/** One file, empty directory, symbolic link, or failure. Paths are below `destinationPath`. */
export const receiptFile = z.object({
  path: z.string(),
  kind: z.enum(['file', 'directory', 'link']),
  size: count,
  /** Absent for directories and links, and where this side has not read the content. */
  blake3: hex.optional(),
  /** Microseconds since the epoch. */
  mtime: time,
  /** Why it was not delivered; absent for all that was. */
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type ReceiptFile = z.infer<typeof receiptFile>;

/** Line after the last file. */
export const receiptEnd = z.object({
  end: z.object({ files: count, failed: count, bytes: count }),
});
export type ReceiptTotals = z.infer<typeof receiptEnd>['end'];

/** Last line: not covered by the digest, but self-proving. */
export const receiptSeal = z.object({
  seal: z.object({ sha256: hex, signature: z.string().max(128), publicKey: z.string().max(64) }),
});
export type ReceiptSeal = z.infer<typeof receiptSeal>['seal'];

/** One line; what JSON escapes (lone surrogates included) makes it valid UTF-8. */
export const receiptLine = (value: object): string => `${JSON.stringify(value)}\n`;
