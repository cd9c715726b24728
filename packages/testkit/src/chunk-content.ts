/** Content of simulated transfers: any chunk of any transfer can be made again from its seed. */
import { mix32 } from './prng.js';

/** Bytes of a chunk, the unit of integrity. */
export const CHUNK_BYTES = 256 * 1024;
/** Bytes of the digest that follows a chunk's content on the wire. */
export const DIGEST_BYTES = 32;

const WORDS = CHUNK_BYTES / 4;
const words = new Uint32Array(WORDS);
const bytes = new Uint8Array(words.buffer);

/** Makes the content of a chunk; valid until the next call. */
export const chunkContent = (seed: number, chunk: number, length: number): Uint8Array => {
  let state = mix32(seed ^ mix32(chunk)) | 1;
  const count = Math.ceil(length / 4);
  for (let i = 0; i < count; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return bytes.subarray(0, length);
};

/** A 32-byte checksum over the content that `chunkContent` has just made. */
export const chunkDigest = (content: Uint8Array): Uint8Array => {
  const lanes = new Uint32Array(8);
  let lane = content.length;
  const count = content.length >> 2;
  for (let i = 0; i < count; i += 1) {
    lane = Math.imul(lane ^ (words[i] as number), 0x0100_0193) + i;
    if ((i & 1023) === 1023) lanes[(i >> 10) & 7] = mix32((lanes[(i >> 10) & 7] as number) ^ lane);
  }
  for (let i = count * 4; i < content.length; i += 1) lane = mix32(lane ^ (content[i] as number));
  lanes[0] = mix32((lanes[0] as number) ^ lane);
  for (let i = 1; i < 16; i += 1) {
    lanes[i & 7] = mix32((lanes[i & 7] as number) ^ (lanes[(i - 1) & 7] as number));
  }
  return new Uint8Array(lanes.buffer);
};

/** @returns Whether a slot (at a multiple of four) holds exactly a chunk and its digest. */
export const isChunk = (
  slot: Uint8Array,
  wanted: { seed: number; chunk: number; length: number },
): boolean => {
  const { length } = wanted;
  const expected = chunkContent(wanted.seed, wanted.chunk, length);
  const count = length >> 2;
  const found = new Uint32Array(slot.buffer, slot.byteOffset, count);
  for (let i = 0; i < count; i += 1) if (found[i] !== words[i]) return false;
  for (let i = count * 4; i < length; i += 1) if (slot[i] !== expected[i]) return false;
  return chunkDigest(expected).every((byte, i) => slot[length + i] === byte);
};
