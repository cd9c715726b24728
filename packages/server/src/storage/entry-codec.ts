/** How a block of the file list lies on the wire: one byte for the form, then the block. */
import { inflateRawSync } from 'node:zlib';
import {
  BLOCK_BYTES_MAX,
  type Block,
  type BlockFault,
  decodeEntryBlock,
  type WireEntry,
} from '@jetstream/transport';

/** The block as it is. */
export const BLOCK_PLAIN = 0;
/** The block, compressed with raw deflate. */
export const BLOCK_DEFLATED = 1;

/** Unpacks and decodes hostile bytes; never allocates more than a block may have. */
export const openEntryBlock = (bytes: Uint8Array): Block<WireEntry> | BlockFault => {
  const packed = bytes.subarray(1);
  if (bytes[0] === BLOCK_PLAIN) return decodeEntryBlock(packed);
  if (bytes[0] !== BLOCK_DEFLATED) return { fault: 'the form of a block is unknown' };
  try {
    return decodeEntryBlock(inflateRawSync(packed, { maxOutputLength: BLOCK_BYTES_MAX }));
  } catch {
    return { fault: 'a block cannot be unpacked' };
  }
};
