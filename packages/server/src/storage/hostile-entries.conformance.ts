/** What a hostile sender puts on the wire: entries that no scan would make. */
import { pathBytesFromText } from '@jetstream/contract';
import { EntryBlockWriter, TrailerBlockWriter, type WireKind } from '@jetstream/transport';
import { blake3 } from '@napi-rs/blake-hash';
import { BLOCK_PLAIN } from './entry-codec.js';

const FILE: WireKind = 0;

/** An entry as it is claimed. */
export interface Claim {
  readonly path: string;
  readonly kind: WireKind;
  /** Text of a link. */
  readonly text?: string;
  readonly size?: number;
  readonly mode?: number;
}

const bytesOf = (text: string): Uint8Array => pathBytesFromText(text) ?? new Uint8Array(0);

const encode = (claims: readonly Claim[], firstIndex = 0): Uint8Array => {
  const writer = new EntryBlockWriter(firstIndex);
  for (const { path, kind, text, size, mode } of claims) {
    const entry = { kind, path: bytesOf(path), size: size ?? 0, mode: mode ?? 0o644, mtimeus: 0 };
    writer.add(text === undefined || kind !== 2 ? entry : { ...entry, link: bytesOf(text) });
  }
  return Uint8Array.of(BLOCK_PLAIN, ...writer.finish());
};

/** Records that say: nothing to verify. */
const records = (count: number): Uint8Array => {
  const writer = new TrailerBlockWriter(0);
  for (let index = 0; index < count; index += 1) writer.add({ status: 'none' });
  return writer.finish();
};

/** Records of claims whose files are empty, as an honest sender would write them. */
const recordsOfEmpty = (claims: readonly Claim[]): Uint8Array => {
  const writer = new TrailerBlockWriter(0);
  const digest = blake3(Buffer.alloc(0));
  for (const { kind } of claims) {
    writer.add(kind === FILE ? { status: 'good', digest } : { status: 'none' });
  }
  return writer.finish();
};

/** A block of the file list. */
export const encodeEntries = Object.assign(encode, { records, recordsOfEmpty });
