/**
 * The records of a ZIP archive of stored (not compressed) entries, with ZIP64 where it is needed.
 * All lengths follow from name and size alone, so that the length of an archive is known before the
 * first file is read.
 *
 * @see APPNOTE.TXT 6.3, sections 4.3 and 4.5
 */
const U32_FULL = 0xffff_ffff;
const U16_FULL = 0xffff;

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
/** Extended timestamp with the modification time alone. */
const TIME_EXTRA_BYTES = 9;
const FLAG_DESCRIPTOR = 0x0008;
const FLAG_UTF8 = 0x0800;
const VERSION_PLAIN = 20;
const VERSION_ZIP64 = 45;
const MADE_BY_UNIX = (3 << 8) | VERSION_ZIP64;

/**
 * Largest file that is read whole before its header is written. A longer one has its checksum behind
 * it, in a data descriptor.
 */
export const WHOLE_BYTES_MAX = 128 * 1024;

/** One entry as its records tell it. */
export interface ZipEntry {
  readonly name: Buffer;
  readonly size: number;
  readonly mtimeSeconds: number;
  /** Type and permission bits, as stat(2) has them. */
  readonly unixMode: number;
}

const isLong = (size: number): boolean => size >= U32_FULL;
const hasDescriptor = (size: number): boolean => size > WHOLE_BYTES_MAX;

/** Bytes of the record in front of an entry. */
export const localBytes = ({ name, size }: ZipEntry): number =>
  LOCAL_BYTES + name.length + TIME_EXTRA_BYTES + (isLong(size) ? 20 : 0);

/** Bytes of the record behind an entry; 0 when it has none. */
export const descriptorBytes = ({ size }: ZipEntry): number =>
  hasDescriptor(size) ? (isLong(size) ? 24 : 16) : 0;

const centralExtraBytes = (size: number, offset: number): number => {
  const longs = (isLong(size) ? 16 : 0) + (offset >= U32_FULL ? 8 : 0);
  return longs === 0 ? 0 : 4 + longs;
};

/** Bytes of the record in the directory at the end. */
export const centralBytes = ({ name, size }: ZipEntry, offset: number): number =>
  CENTRAL_BYTES + name.length + TIME_EXTRA_BYTES + centralExtraBytes(size, offset);

/** Time of day and date as DOS has them, UTC; two seconds are the finest it knows. */
const dosTime = (seconds: number): { time: number; date: number } => {
  const at = new Date(Math.min(Math.max(seconds, 315_532_800), 4_354_819_198) * 1000);
  return {
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
  };
};

const writeTimeExtra = (into: Buffer, at: number, seconds: number): number => {
  into.writeUInt16LE(0x5455, at);
  into.writeUInt16LE(5, at + 2);
  into[at + 4] = 1;
  into.writeInt32LE(Math.min(Math.max(Math.trunc(seconds), -0x8000_0000), 0x7fff_ffff), at + 5);
  return at + TIME_EXTRA_BYTES;
};

/** Version, flags, method, time: the same in both records of an entry. */
const writeCommon = (into: Buffer, at: number, entry: ZipEntry): void => {
  const { time, date } = dosTime(entry.mtimeSeconds);
  into.writeUInt16LE(isLong(entry.size) ? VERSION_ZIP64 : VERSION_PLAIN, at);
  into.writeUInt16LE(FLAG_UTF8 | (hasDescriptor(entry.size) ? FLAG_DESCRIPTOR : 0), at + 2);
  into.writeUInt16LE(0, at + 4);
  into.writeUInt16LE(time, at + 6);
  into.writeUInt16LE(date, at + 8);
};

/**
 * Writes the record in front of an entry; `into` begins with room for it.
 *
 * @param crc Checksum of the content; 0 when it follows in a descriptor.
 */
export const writeLocal = (into: Buffer, entry: ZipEntry, crc: number): void => {
  const { name, size } = entry;
  into.writeUInt32LE(0x0403_4b50, 0);
  writeCommon(into, 4, entry);
  into.writeUInt32LE(crc, 14);
  into.writeUInt32LE(Math.min(size, U32_FULL), 18);
  into.writeUInt32LE(Math.min(size, U32_FULL), 22);
  into.writeUInt16LE(name.length, 26);
  into.writeUInt16LE(TIME_EXTRA_BYTES + (isLong(size) ? 20 : 0), 28);
  name.copy(into, LOCAL_BYTES);
  const extra = writeTimeExtra(into, LOCAL_BYTES + name.length, entry.mtimeSeconds);
  if (!isLong(size)) return;
  into.writeUInt16LE(1, extra);
  into.writeUInt16LE(16, extra + 2);
  into.writeBigUInt64LE(BigInt(size), extra + 4);
  into.writeBigUInt64LE(BigInt(size), extra + 12);
};

/** The record behind an entry. */
export const descriptorOf = (entry: ZipEntry, crc: number): Buffer => {
  const record = Buffer.alloc(descriptorBytes(entry));
  record.writeUInt32LE(0x0807_4b50, 0);
  record.writeUInt32LE(crc, 4);
  if (isLong(entry.size)) {
    record.writeBigUInt64LE(BigInt(entry.size), 8);
    record.writeBigUInt64LE(BigInt(entry.size), 16);
  } else {
    record.writeUInt32LE(entry.size, 8);
    record.writeUInt32LE(entry.size, 12);
  }
  return record;
};

/** The record of an entry in the directory at the end. */
export const centralOf = (
  entry: ZipEntry,
  place: { readonly offset: number; readonly crc: number },
): Buffer => {
  const { name, size, unixMode } = entry;
  const { offset, crc } = place;
  const longs = centralExtraBytes(size, offset);
  const record = Buffer.alloc(centralBytes(entry, offset));
  record.writeUInt32LE(0x0201_4b50, 0);
  record.writeUInt16LE(MADE_BY_UNIX, 4);
  writeCommon(record, 6, entry);
  if (longs > 0) record.writeUInt16LE(VERSION_ZIP64, 6);
  record.writeUInt32LE(crc, 16);
  record.writeUInt32LE(Math.min(size, U32_FULL), 20);
  record.writeUInt32LE(Math.min(size, U32_FULL), 24);
  record.writeUInt16LE(name.length, 28);
  record.writeUInt16LE(TIME_EXTRA_BYTES + longs, 30);
  // The lowest bit of the second half marks a directory for DOS.
  record.writeUInt32LE(((unixMode << 16) | (name.at(-1) === 0x2f ? 0x10 : 0)) >>> 0, 38);
  record.writeUInt32LE(Math.min(offset, U32_FULL), 42);
  name.copy(record, CENTRAL_BYTES);
  let at = writeTimeExtra(record, CENTRAL_BYTES + name.length, entry.mtimeSeconds);
  if (longs === 0) return record;
  record.writeUInt16LE(1, at);
  record.writeUInt16LE(longs - 4, at + 2);
  at += 4;
  if (isLong(size)) {
    record.writeBigUInt64LE(BigInt(size), at);
    record.writeBigUInt64LE(BigInt(size), at + 8);
    at += 16;
  }
  if (offset >= U32_FULL) record.writeBigUInt64LE(BigInt(offset), at);
  return record;
};

/** Where the directory lies, and what is in it. */
export interface ZipEnd {
  readonly entries: number;
  readonly offset: number;
  readonly bytes: number;
}

const needsLongEnd = ({ entries, offset, bytes }: ZipEnd): boolean =>
  entries >= U16_FULL || offset >= U32_FULL || bytes >= U32_FULL;

/** Bytes of what comes after the directory. */
export const endBytes = (end: ZipEnd): number => (needsLongEnd(end) ? 56 + 20 : 0) + 22;

/** What comes after the directory. */
export const endOf = (end: ZipEnd): Buffer => {
  const record = Buffer.alloc(endBytes(end));
  const { entries, offset, bytes } = end;
  let at = 0;
  if (needsLongEnd(end)) {
    record.writeUInt32LE(0x0606_4b50, 0);
    record.writeBigUInt64LE(44n, 4);
    record.writeUInt16LE(MADE_BY_UNIX, 12);
    record.writeUInt16LE(VERSION_ZIP64, 14);
    record.writeBigUInt64LE(BigInt(entries), 24);
    record.writeBigUInt64LE(BigInt(entries), 32);
    record.writeBigUInt64LE(BigInt(bytes), 40);
    record.writeBigUInt64LE(BigInt(offset), 48);
    record.writeUInt32LE(0x0706_4b50, 56);
    record.writeBigUInt64LE(BigInt(offset + bytes), 64);
    record.writeUInt32LE(1, 72);
    at = 76;
  }
  record.writeUInt32LE(0x0605_4b50, at);
  record.writeUInt16LE(Math.min(entries, U16_FULL), at + 8);
  record.writeUInt16LE(Math.min(entries, U16_FULL), at + 10);
  record.writeUInt32LE(Math.min(bytes, U32_FULL), at + 12);
  record.writeUInt32LE(Math.min(offset, U32_FULL), at + 16);
  return record;
};
