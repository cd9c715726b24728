/** How long a flow waits for what, in microseconds. */

export const KEEPALIVE_US = 8_000_000;
/** Who was receiving data and hears nothing for this long shows itself: its address may be new. */
export const LISTEN_US = 1_000_000;
/** A flow without any packet from the peer for this long is dead. */
export const FLOW_SILENCE_MAX_US = 30_000_000;
/** The first packet must come sooner, or the peer has not completed the handshake. */
const FIRST_SILENCE_MAX_US = 10_000_000;
/** Longest that one packet may take at a ceiling. */
export const CEILING_PACKET_US = 2000;
const STATE_INTERVAL_MIN_US = 4000;
const TAIL_PAUSE_MIN_US = 10_000;
/**
 * Over streams a packet that is unanswered for this long was not taken: the receiver had no memory for
 * it. It is sent again.
 */
const STREAM_PATIENCE_US = 3_000_000;

/** Longest silence of a peer. @param highest Its highest packet number so far, -1 for none. */
export const silenceMaxUs = (highest: number): number =>
  highest < 0 ? FIRST_SILENCE_MAX_US : FLOW_SILENCE_MAX_US;

/** Much longer than one stream may fall behind another, for nothing but the peer's memory is short. */
export const streamPatienceUs = (rttUs: number): number => Math.max(STREAM_PATIENCE_US, 3 * rttUs);

/** Between repetitions of the end of what was sent. */
export const tailPauseUs = (rttUs: number): number => Math.max(rttUs / 2, TAIL_PAUSE_MIN_US);

/** Between reports of what is resolved. */
export const statePauseUs = (rttUs: number): number => Math.max(STATE_INTERVAL_MIN_US, rttUs / 4);
