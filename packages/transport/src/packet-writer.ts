/**
 * Puts the packets of one flow into a batch: numbers and counts them, and knows where in the arena
 * their payloads are built.
 */
import { PACKET_OVERHEAD_BYTES, type SendBatch } from './packet-io.js';
import type { PacketContent, PacketLedger } from './packet-ledger.js';
import type { PathGuard } from './path-guard.js';
import { CONTROL_BYTES_MAX, type FrameFields, newFrame, pushFrame } from './wire.js';

export class PacketWriter {
  /** What the next packet says; filled in before it is pushed. */
  readonly frame: FrameFields = newFrame();
  /** Link totals of the flow: whole packets, headers included. */
  readonly totals = { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0 };
  /** When a packet left last that the peer has to acknowledge. */
  lastSentAt: number;
  readonly #address: { readonly connection: number; packetNumber: number };
  readonly #scratchOffset: number;
  readonly #ledger: PacketLedger;
  readonly #path: PathGuard;

  constructor(
    options: { readonly connection: number; readonly scratchOffset: number; readonly now: number },
    ledger: PacketLedger,
    path: PathGuard,
  ) {
    this.#address = { connection: options.connection, packetNumber: 0 };
    this.#scratchOffset = options.scratchOffset;
    this.#ledger = ledger;
    this.#path = path;
    this.lastSentAt = options.now;
  }

  /** The scratch cell of the batch's next position; free again once the batch has left. */
  cell(batch: SendBatch): number {
    return this.#scratchOffset + batch.count * CONTROL_BYTES_MAX;
  }

  /**
   * Pushes `frame`; the peer will acknowledge it.
   *
   * @param at `calm`: whether what becomes of it tells something about the path.
   * @returns Bytes of the whole packet.
   */
  push(
    batch: SendBatch,
    content: PacketContent,
    at: { readonly now: number; readonly calm: boolean },
  ): number {
    const bytes = this.frame.length + PACKET_OVERHEAD_BYTES;
    const { now, calm } = at;
    this.#address.packetNumber = this.#ledger.record(content, { bytes, now, calm });
    this.#count(batch, bytes);
    this.lastSentAt = now;
    return bytes;
  }

  /** Pushes `frame`, of which nobody will hear again. */
  pushUnrecorded(batch: SendBatch): void {
    this.#address.packetNumber = this.#ledger.takeUnrecorded();
    this.#count(batch, this.frame.length + PACKET_OVERHEAD_BYTES);
  }

  noteReceived(bytes: number): void {
    this.totals.packetsReceived += 1;
    this.totals.bytesReceived += bytes;
  }

  #count(batch: SendBatch, bytes: number): void {
    pushFrame(batch, this.#address, this.frame);
    this.#path.spend(bytes);
    this.totals.packetsSent += 1;
    this.totals.bytesSent += bytes;
  }
}
