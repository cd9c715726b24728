/**
 * Ids of manifests and transfers: 32 hex digits, a version 7 UUID without its dashes. They rise
 * with time, so that the order of ids is the order of creation, and 62 random bits keep those of
 * different servers apart.
 *
 * @see RFC 9562, section 5.7
 */

/** Where ids get their time and chance from. */
export interface IdSourcePorts {
  /** Milliseconds since the epoch; may step back. */
  nowMs(): number;
  /** Fresh random bytes. */
  randomBytes(count: number): Uint8Array;
}

/** Makes the next id. */
export type IdSource = () => string;

const SEQUENCE_MASK = 0xfff;

/** Every id of one source is greater than the one before, also within a millisecond. */
export const createIdSource = (ports: IdSourcePorts): IdSource => {
  let lastMs = -1;
  let sequence = 0;
  return () => {
    const nowMs = Math.floor(ports.nowMs());
    const random = ports.randomBytes(10);
    if (nowMs > lastMs) {
      lastMs = nowMs;
      // Half of the range is left for the ids that follow within the same millisecond.
      sequence = (((random[8] ?? 0) << 8) | (random[9] ?? 0)) & (SEQUENCE_MASK >> 1);
    } else if (sequence < SEQUENCE_MASK) {
      sequence += 1;
    } else {
      lastMs += 1;
      sequence = 0;
    }
    const time = lastMs.toString(16).padStart(12, '0');
    const high = (0x7000 | sequence).toString(16);
    const low = Buffer.from(random.subarray(0, 8));
    low[0] = 0x80 | ((low[0] ?? 0) & 0x3f);
    return time + high + low.toString('hex');
  };
};

/** Whether a text has the form of an id. */
export const isObjectId = (text: string): boolean => /^[0-9a-f]{32}$/.test(text);
