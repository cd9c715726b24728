/**
 * The address of a peer that has moved: until it proves that it receives there, it is sent at most
 * three times the bytes that came from there. The proof is the echo of eight random bytes; a peer
 * that could guess them might have a victim flooded.
 *
 * @see RFC 9000, section 8.2 and 9.3
 */
import { putU32, sameBytes } from './bytes.js';
import { PACKET_OVERHEAD_BYTES } from './packet-io.js';

/** Payload of a challenge and of its response. */
export const CHALLENGE_BYTES = 8;
/** Without a proof for this long, packets go to the last proven address again. */
export const PATH_PROOF_US_MAX = 3_000_000;
const AMPLIFICATION = 3;
const REPEAT_PAUSE_US_MIN = 50_000;
/** A peer that was said to have moved and had not is taken to stay where it is for so long. */
const STAY_US = 500_000;

/** @param random Uniform 32-bit numbers that nobody can guess. */
export const newChallenge = (random: () => number): Uint8Array => {
  const challenge = new Uint8Array(CHALLENGE_BYTES);
  for (let at = 0; at < CHALLENGE_BYTES; at += 4) putU32(challenge, at, random());
  return challenge;
};

export class PathGuard {
  #challenge: Uint8Array | null = null;
  #budgetBytes = Infinity;
  #challengeAt = Infinity;
  #pauseUs = 0;
  #givesUpAt = Infinity;
  #staysUntil = 0;
  #echo: Uint8Array | null = null;

  /** Whether the present address is proven. */
  get proven(): boolean {
    return this.#challenge === null;
  }

  /** When the challenge is to be sent, again or for the first time, or the address given up. */
  get deadline(): number {
    const affordable = this.allows(CHALLENGE_BYTES + PACKET_OVERHEAD_BYTES);
    return Math.min(affordable ? this.#challengeAt : Infinity, this.#givesUpAt);
  }

  /**
   * The peer has moved to an address that is not proven.
   *
   * @param challenge 8 bytes that nobody can guess.
   */
  doubt(challenge: Uint8Array, now: number, rttUs: number): void {
    this.#challenge = challenge;
    this.#budgetBytes = 0;
    this.#challengeAt = now;
    this.#pauseUs = Math.max(rttUs * 1.5, REPEAT_PAUSE_US_MIN);
    this.#givesUpAt = now + Math.max(PATH_PROOF_US_MAX, 6 * rttUs);
  }

  /** Packets go to a proven address. */
  settle(): void {
    this.#challenge = null;
    this.#budgetBytes = Infinity;
    this.#challengeAt = Infinity;
    this.#givesUpAt = Infinity;
  }

  /**
   * The peer still sends from the address that it has proven. Somebody repeats its packets from
   * elsewhere, faster than they come: without a pause he would draw each answer away.
   */
  stay(now: number): void {
    this.#staysUntil = now + STAY_US;
  }

  /** Whether a newer packet from elsewhere counts as a move. */
  mayMove(now: number): boolean {
    return now >= this.#staysUntil;
  }

  /** Whether the address was not proven in time. */
  expired(now: number): boolean {
    return now >= this.#givesUpAt;
  }

  /** A packet has come from the present address. @param bytes All of it. */
  received(bytes: number): void {
    this.#budgetBytes += AMPLIFICATION * bytes;
  }

  /** Whether so many bytes may be sent there. */
  allows(bytes: number): boolean {
    return bytes <= this.#budgetBytes;
  }

  spend(bytes: number): void {
    this.#budgetBytes -= bytes;
  }

  /** Whether the peer waits for an answer to its challenge. */
  get answers(): boolean {
    return this.#echo !== null;
  }

  /** The peer asks for a proof of our address; the bytes are copied. */
  challenged(bytes: Uint8Array): void {
    if (bytes.length === CHALLENGE_BYTES) this.#echo = bytes.slice();
  }

  /** What is to be sent now, in turn; null for nothing, or when it may not be sent. */
  next(now: number): { readonly isAnswer: boolean; readonly bytes: Uint8Array } | null {
    if (!this.allows(CHALLENGE_BYTES + PACKET_OVERHEAD_BYTES)) return null;
    const echo = this.#echo;
    this.#echo = null;
    const bytes = echo ?? this.takeChallenge(now);
    return bytes === null ? null : { isAnswer: echo !== null, bytes };
  }

  /** @returns The challenge, if it is time to send it; the next repetition is then later. */
  takeChallenge(now: number): Uint8Array | null {
    if (this.#challenge === null || now < this.#challengeAt) return null;
    this.#challengeAt = now + this.#pauseUs;
    this.#pauseUs *= 2;
    return this.#challenge;
  }

  /** A response has come in; any but the right one has no effect. */
  prove(bytes: Uint8Array): void {
    if (this.#challenge !== null && sameBytes(bytes, this.#challenge)) this.settle();
  }
}
