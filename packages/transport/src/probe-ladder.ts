/**
 * Path MTU discovery: padded packets of the sizes that occur in practice, each tried a few times.
 * What is acknowledged is used; nothing is ever lost by trying.
 *
 * @see RFC 8899
 */
import { PAYLOAD_BYTES_START, PAYLOAD_LADDER } from './wire.js';

const TRIES = 3;
/** Sizes up to here are tried at once. */
const ETHERNET_BYTES = 1424;

/** The largest payload of the ladder that is at most this large, or the one that fits everywhere. */
export const fittingPayload = (bytesMax: number): number => {
  let fitting = PAYLOAD_BYTES_START;
  for (const bytes of PAYLOAD_LADDER) if (bytes <= bytesMax) fitting = bytes;
  return fitting;
};

export class ProbeLadder {
  readonly #steps: {
    readonly payloadBytes: number;
    /** Size of the step before. */
    readonly below: number;
    tries: number;
    nextAt: number;
  }[];
  #proven = 0;

  /** @param payloadBytesMax Largest payload to try. */
  constructor(payloadBytesMax: number) {
    this.#steps = PAYLOAD_LADDER.filter((bytes) => bytes <= payloadBytesMax).map((bytes, i) => ({
      payloadBytes: bytes,
      below: PAYLOAD_LADDER[i - 1] ?? 0,
      tries: 0,
      nextAt: 0,
    }));
  }

  /** Payload bytes of the probe to send now, 0 for none. */
  next(now: number, rttUs: number): number {
    for (const step of this.#steps) {
      // Large ones wait for the one below: on most paths they would only cost time.
      if (step.payloadBytes > ETHERNET_BYTES && step.below > this.#proven) return 0;
      if (step.payloadBytes <= this.#proven || step.tries >= TRIES || now < step.nextAt) continue;
      step.tries += 1;
      step.nextAt = now + rttUs * 2 * step.tries + 100_000;
      return step.payloadBytes;
    }
    return 0;
  }

  /** @returns Whether the size is larger than what was proven before. */
  acked(payloadBytes: number): boolean {
    if (payloadBytes <= this.#proven) return false;
    this.#proven = payloadBytes;
    return true;
  }

  /** Stops probing: the path has just stopped taking large packets. */
  giveUp(): void {
    for (const step of this.#steps) step.tries = TRIES;
  }
}
