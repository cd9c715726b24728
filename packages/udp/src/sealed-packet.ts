/** Packets as node:crypto seals and opens them, for every PacketIO that is not native. */
import {
  BATCH_PACKETS_MAX,
  CLEAR_HANDLE,
  DESCRIPTOR_WORDS,
  HEADER_BYTES,
  INNER_HEADER_BYTES,
  PACKET_CLASS,
  PACKET_OVERHEAD_BYTES,
  PAYLOAD_BYTES_MAX,
  type SendBatch,
  WIRE_VERSION,
} from '@jetstream/transport';
import type { DgramConnection, DgramConnections } from './dgram-connections.js';
import { checkRange } from './packet-io-limits.js';

/** First byte of a clear packet. */
export const FIRST_BYTE_CLEAR = (WIRE_VERSION << 4) | PACKET_CLASS.clear;
const FIRST_WORD_SEALED = ((WIRE_VERSION << 4) | PACKET_CLASS.sealed) * 2 ** 24;

/** A descriptor: where in the words of a batch it starts. */
interface Descriptor {
  readonly words: Uint32Array;
  readonly at: number;
}

/**
 * Refuses a batch that could not be sent whole.
 *
 * @throws {Error} If a descriptor points outside the arena or names an unknown connection.
 */
export function checkBatch(
  batch: SendBatch,
  connections: DgramConnections,
  arena: Uint8Array,
): void {
  const { count, words } = batch;
  checkRange('batch count', count, [0, BATCH_PACKETS_MAX]);
  if (count * DESCRIPTOR_WORDS > words.length) {
    throw new Error('Cannot send a batch: it has fewer descriptors than its count');
  }
  for (let at = 0; at < count * DESCRIPTOR_WORDS; at += DESCRIPTOR_WORDS) {
    const connection = connections.get(words[at] ?? CLEAR_HANDLE);
    const payloadBytes = (words[at + 3] ?? 0) >>> 16;
    if (payloadBytes > PAYLOAD_BYTES_MAX) {
      throw new Error('Cannot send a batch: the payload is too long');
    }
    if ((words[at + 7] ?? 0) + payloadBytes > arena.length) {
      throw new Error('Cannot send a batch: the payload lies outside the arena');
    }
    if (connection.send.find(words[at + 2] ?? 0, words[at + 1] ?? 0) === undefined) {
      throw new Error('Cannot send a batch: no key for this packet number');
    }
  }
}

/** Fills `packet` (as long as the sealed packet is) from a descriptor that was checked. */
export function sealPacket(
  packet: Buffer,
  connection: DgramConnection,
  { words, at, arena }: Descriptor & { readonly arena: Uint8Array },
): void {
  const numberLow = words[at + 1] ?? 0;
  const numberHigh = words[at + 2] ?? 0;
  const kind = words[at + 3] ?? 0;
  const place = words[at + 4] ?? 0;
  const offset = words[at + 7] ?? 0;
  const payloadBytes = kind >>> 16;
  packet.writeUInt32BE(FIRST_WORD_SEALED, 0);
  packet.writeUInt32BE(connection.remoteId, 4);
  packet.writeUInt32BE(numberHigh, 8);
  packet.writeUInt32BE(numberLow, 12);
  packet[16] = kind & 0xff;
  packet[17] = (kind >>> 8) & 0xff;
  packet.writeUInt16BE(payloadBytes, 18);
  packet.writeUInt16BE(place & 0xffff, 20);
  packet.writeUInt16BE(place >>> 16, 22);
  packet.writeUInt32BE(words[at + 6] ?? 0, 24);
  packet.writeUInt32BE(words[at + 5] ?? 0, 28);
  packet.set(arena.subarray(offset, offset + payloadBytes), 32);
  connection.send.find(numberHigh, numberLow)?.seal(packet, numberHigh, numberLow);
}

/**
 * Opens a sealed packet and describes it in words 0 to 6.
 *
 * @returns Its payload; null when it is malformed or not authentic.
 */
export function openPacket(
  bytes: Buffer,
  connections: DgramConnections,
  { words, at }: Descriptor,
): Buffer | null {
  if (bytes.length < PACKET_OVERHEAD_BYTES) return null;
  if (bytes.length > PAYLOAD_BYTES_MAX + PACKET_OVERHEAD_BYTES) return null;
  if (bytes.readUInt32BE(0) !== FIRST_WORD_SEALED) return null;
  const handle = connections.handleOf(bytes.readUInt32BE(4));
  if (handle === undefined) return null;
  const numberHigh = bytes.readUInt32BE(8);
  const numberLow = bytes.readUInt32BE(12);
  const key = connections.get(handle).receive.find(numberHigh, numberLow);
  const plain = key?.open(bytes, numberHigh, numberLow);
  if (plain === undefined || plain === null) return null;
  const payloadBytes = plain.readUInt16BE(2);
  if (payloadBytes !== plain.length - INNER_HEADER_BYTES) return null;
  words[at] = handle;
  words[at + 1] = numberLow;
  words[at + 2] = numberHigh;
  words[at + 3] = payloadBytes * 2 ** 16 + plain.readUInt8(1) * 2 ** 8 + plain.readUInt8(0);
  words[at + 4] = plain.readUInt16BE(6) * 2 ** 16 + plain.readUInt16BE(4);
  words[at + 5] = plain.readUInt32BE(12);
  words[at + 6] = plain.readUInt32BE(8);
  return plain.subarray(INNER_HEADER_BYTES);
}

/** Describes a clear datagram in words 0 to 6. */
export function describeClear(bytes: Buffer, { words, at }: Descriptor): void {
  const numbered = bytes.length >= HEADER_BYTES;
  words[at] = CLEAR_HANDLE;
  words[at + 1] = numbered ? bytes.readUInt32BE(12) : 0;
  words[at + 2] = numbered ? bytes.readUInt32BE(8) : 0;
  words[at + 3] = bytes.length * 2 ** 16;
  words.fill(0, at + 4, at + 7);
}
