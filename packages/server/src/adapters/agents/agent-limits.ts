/** Limits of file agents and their messages. Each has a row in docs/LIMITS.md. */

/** Bytes of one message to or from a file agent; far below what a socket takes at once. */
export const AGENT_MESSAGE_BYTES_MAX = 65_536;
/** Connections of one file agent: at most one per thread of the server and user. */
export const AGENT_CHANNELS_MAX = 64;
/** Directories that one connection may hold open as roots. */
export const AGENT_ROOTS_MAX = 16_384;
/** Listings that one connection may have open. */
export const AGENT_LISTS_MAX = 4_096;
/** Names of one answer of a listing. */
export const AGENT_NAMES_MAX = 512;
/** Milliseconds that a file agent may take for one call before it counts as lost. */
export const AGENT_ANSWER_MS_MAX = 10_000;
/** Milliseconds that a file agent may take to start and answer. */
export const AGENT_START_MS_MAX = 10_000;
/** Milliseconds for which an agent that did not answer in time is not asked again. */
export const AGENT_PAUSE_MS = 30_000;
/** Milliseconds without a call after which a connection that holds nothing is closed. */
export const AGENT_CHANNEL_IDLE_MS = 10_000;
