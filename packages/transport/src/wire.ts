/**
 * Frames: what a sealed packet can carry, and how descriptors of both batch kinds are written and
 * read. One packet carries one frame.
 *
 * @see docs/ARCHITECTURE.md, "Packets"
 */
import {
  BATCH_PACKETS_MAX,
  DESCRIPTOR_WORDS,
  type ReceiveBatch,
  type SendBatch,
} from './packet-io.js';

/**
 * | frame | position high, low | channel, index | payload |
 * | --- | --- | --- | --- |
 * | `data` | chunk, byte offset in it | transfer's channel, packet index in the chunk | chunk bytes, digest last |
 * | `stream` | stream offset (64-bit) | 0 | bytes of the reliable stream |
 * | `ack` | highest packet number described | 0 | see ack-frame.ts |
 * | `state` | lowest unresolved packet number | 0 | smoothed RTT in microseconds (u32) |
 * | `probe` | 0 | 0, place in a train from 1 or 0 | padding; its arrival proves the packet size |
 * | `close` | 0 | 0 | u16 code, UTF-8 reason |
 * | `ping` | 0 | 0 | none; asks for an acknowledgement |
 * | `challenge` | 0 | 0 | 8 random bytes for an address that is not proven |
 * | `response` | 0 | 0 | the bytes of a challenge |
 * | `dataTrain` | as `data` | as `data` | as `data`; sent back to back with the packet before |
 */
export const FRAME = {
  data: 1,
  stream: 2,
  ack: 3,
  state: 4,
  probe: 5,
  close: 6,
  ping: 7,
  dataTrain: 8,
  challenge: 9,
  response: 10,
} as const;

/** Payload of the first packets: with all headers 1,280 bytes, which every IPv6 path must take. */
export const PAYLOAD_BYTES_START = 1184;
/** Stream, ack and other small frames stay within this, whatever the path allows. */
export const CONTROL_BYTES_MAX = PAYLOAD_BYTES_START;
/**
 * Packet payloads tried on a new path: two sizes for tunnels, then 1500-byte IPv6 and IPv4,
 * 9000-byte, loopback.
 */
export const PAYLOAD_LADDER: readonly number[] = [1252, 1324, 1404, 1424, 8904, 31_952];

const HIGH = 0x1_0000_0000;

/** One frame to be put into a batch. Reused by its owner, so that sending allocates nothing. */
export interface FrameFields {
  type: number;
  flags: number;
  length: number;
  channel: number;
  index: number;
  positionHigh: number;
  positionLow: number;
  /** Where the payload starts in the arena. */
  offset: number;
}

export const newFrame = (): FrameFields => ({
  type: 0,
  flags: 0,
  length: 0,
  channel: 0,
  index: 0,
  positionHigh: 0,
  positionLow: 0,
  offset: 0,
});

export const newSendBatch = (): SendBatch => ({
  count: 0,
  words: new Uint32Array(BATCH_PACKETS_MAX * DESCRIPTOR_WORDS),
});

/** Turns `frame` into one without channel, index and position. */
export const setFrame = (frame: FrameFields, type: number, length: number): void => {
  frame.type = type;
  frame.flags = 0;
  frame.length = length;
  frame.channel = 0;
  frame.index = 0;
  frame.positionHigh = 0;
  frame.positionLow = 0;
};

/** Gives `frame` a position. @param position Up to 2^53. */
export const setPosition = (frame: FrameFields, position: number): void => {
  frame.positionHigh = Math.floor(position / HIGH);
  frame.positionLow = position % HIGH;
};

/** Whether a packet carries a piece of a chunk. */
export const isData = ({ type }: ReceivedFrame): boolean =>
  type === FRAME.data || type === FRAME.dataTrain;

/** Whether a packet's time of arrival is measured. */
export const isTimed = ({ type, index }: ReceivedFrame): boolean =>
  type === FRAME.dataTrain || (type === FRAME.probe && index > 0);

/** Appends a packet. The caller has checked that there is room. */
export const pushFrame = (
  batch: SendBatch,
  address: { readonly connection: number; readonly packetNumber: number },
  frame: FrameFields,
): void => {
  const { words } = batch;
  const at = batch.count * DESCRIPTOR_WORDS;
  words[at] = address.connection;
  words[at + 1] = address.packetNumber % HIGH;
  words[at + 2] = Math.floor(address.packetNumber / HIGH);
  words[at + 3] = frame.type | (frame.flags << 8) | (frame.length << 16);
  words[at + 4] = frame.channel | (frame.index << 16);
  words[at + 5] = frame.positionLow;
  words[at + 6] = frame.positionHigh;
  words[at + 7] = frame.offset;
  words[at + 8] = 0;
  batch.count += 1;
};

/** A received packet, decoded from its descriptor. Reused by its owner. */
export interface ReceivedFrame extends FrameFields {
  connection: number;
  packetNumber: number;
  peer: number;
}

export const newReceivedFrame = (): ReceivedFrame => ({
  ...newFrame(),
  connection: 0,
  packetNumber: 0,
  peer: 0,
});

/** Decodes descriptor `index` of a receive batch into `frame`. */
export const readFrame = (batch: ReceiveBatch, index: number, frame: ReceivedFrame): void => {
  const { words } = batch;
  const at = index * DESCRIPTOR_WORDS;
  const kind = words[at + 3] as number;
  const place = words[at + 4] as number;
  frame.connection = words[at] as number;
  frame.packetNumber = (words[at + 2] as number) * HIGH + (words[at + 1] as number);
  frame.type = kind & 0xff;
  frame.flags = (kind >>> 8) & 0xff;
  frame.length = kind >>> 16;
  frame.channel = place & 0xffff;
  frame.index = place >>> 16;
  frame.positionLow = words[at + 5] as number;
  frame.positionHigh = words[at + 6] as number;
  frame.offset = words[at + 7] as number;
  frame.peer = words[at + 8] as number;
};

/** Splits a number up to 2^53 into two words. */
export const highWord = (value: number): number => Math.floor(value / HIGH);
export const lowWord = (value: number): number => value % HIGH;
export const fromWords = (high: number, low: number): number => high * HIGH + low;
