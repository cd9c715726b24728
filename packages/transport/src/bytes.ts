/** Big-endian numbers in byte arrays, bounds-checked by the callers. */

export const putU16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
};

export const putU32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
};

export const getU16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

export const getU32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) * 0x100_0000 +
  (((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number));

/** Writes a number of up to 53 bits as 64. */
export const putU64 = (bytes: Uint8Array, at: number, value: number): void => {
  putU32(bytes, at, Math.floor(value / 0x1_0000_0000));
  putU32(bytes, at + 4, value % 0x1_0000_0000);
};

/** Reads a 64-bit number; values beyond 2^53 lose precision and are refused by range checks. */
export const getU64 = (bytes: Uint8Array, at: number): number =>
  getU32(bytes, at) * 0x1_0000_0000 + getU32(bytes, at + 4);

/** Compares in a time that tells nothing about where they differ. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
};
