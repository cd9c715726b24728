/**
 * How far the files of a transfer are hashed, and the state of the hash in between: what either side
 * needs so that a break does not make it read again. Two places of fixed size are written in turn,
 * each with a check, so that a write that was cut leaves the one before.
 *
 * Nothing is promised by it. A reader holds each point against what it knows to be durable, and
 * whoever writes one has synced before what it relies on.
 */
import fs from 'node:fs';
import { blake3 } from '@napi-rs/blake-hash';
import { z } from 'zod';

/** Bytes of both places. */
export const HASH_MEMORY_BYTES = 8192;
const PLACE_BYTES = HASH_MEMORY_BYTES / 2;
const CHECK_BYTES = 8;
const HEAD_BYTES = 2 + CHECK_BYTES;
/** States are those of one layout and one kind of processor. */
const LAYOUT = `1 ${process.arch}`;

const count = z.number().int().nonnegative();
const storedPoint = z.object({
  layout: z.literal(LAYOUT),
  sequence: count,
  index: count,
  offset: count,
  state: z.string().nullable(),
  identity: z.string().nullable(),
  isClosed: z.boolean(),
});

/** A place in the linear space: all before it is hashed. */
export interface HashPoint {
  /** Entry that is being hashed; those before it are. */
  readonly index: number;
  /** Bytes of it that are hashed. */
  readonly offset: number;
  /** See {@link FileHasher.state}; null at its begin. */
  readonly state: Uint8Array | null;
  /** Which file that is, in the words of whoever keeps the point; see file-identity.ts. */
  readonly identity: string | null;
  /** Nothing was written after this point was kept. */
  readonly isClosed: boolean;
}

/** @see the head of this file */
export class HashMemory {
  readonly #fd: number;
  #sequence = 0;

  /** @param fd Of a file whose first {@link HASH_MEMORY_BYTES} bytes are for this; the caller's. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** What was kept, the newest first. */
  load(): HashPoint[] {
    const stored = [this.#read(0), this.#read(1)].filter((each) => each !== null);
    stored.sort((a, b) => b.sequence - a.sequence);
    this.#sequence = stored[0]?.sequence ?? 0;
    return stored.map(({ index, offset, state, identity, isClosed }) => ({
      ...{ index, offset, identity, isClosed },
      state: state === null ? null : Buffer.from(state, 'base64'),
    }));
  }

  /** Keeps a point in place of the one before the last. @throws What the disk reports. */
  keep(point: HashPoint): void {
    this.#sequence += 1;
    const { state, ...rest } = point;
    const base64 = state === null ? null : Buffer.from(state).toString('base64');
    const stored = { layout: LAYOUT, sequence: this.#sequence, ...rest, state: base64 };
    const text = Buffer.from(JSON.stringify(stored));
    if (text.length > PLACE_BYTES - HEAD_BYTES) {
      throw new RangeError(`Cannot keep the state of a hash: it takes ${text.length} bytes`);
    }
    const place = Buffer.alloc(PLACE_BYTES);
    place.writeUInt16BE(text.length, 0);
    blake3(text).copy(place, 2, 0, CHECK_BYTES);
    text.copy(place, HEAD_BYTES);
    this.#write(place, (this.#sequence % 2) * PLACE_BYTES);
  }

  /** Forgets all points. @throws What the disk reports. */
  forget(): void {
    this.#write(Buffer.alloc(HASH_MEMORY_BYTES), 0);
  }

  #read(place: number): z.infer<typeof storedPoint> | null {
    const bytes = Buffer.alloc(PLACE_BYTES);
    fs.readSync(this.#fd, bytes, 0, PLACE_BYTES, place * PLACE_BYTES);
    const length = bytes.readUInt16BE(0);
    if (length === 0 || length > PLACE_BYTES - HEAD_BYTES) return null;
    const text = bytes.subarray(HEAD_BYTES, HEAD_BYTES + length);
    const check = bytes.subarray(2, HEAD_BYTES);
    if (!blake3(text).subarray(0, CHECK_BYTES).equals(check)) return null;
    return storedPoint.safeParse(JSON.parse(text.toString())).data ?? null;
  }

  #write(bytes: Buffer, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
    }
  }
}
