/**
 * Limits of download links. Each has a row in docs/LIMITS.md.
 *
 * @see docs/LIMITS.md, "Download links"
 */
const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const LINK_LIMITS = {
  /** Shared tokens of one user. */
  linksPerUserMax: 10_000,
  /** Transfers of one link that have not ended. */
  transfersPerLinkMax: 100,
  /** Destinations of one link; a further one takes the place of the oldest that is not in use. */
  destinationsPerLinkMax: 100,
  /** How long a download by a browser goes on without being counted again. */
  redemptionMs: 24 * HOUR_MS,
  /** Redemptions of one link that are remembered. */
  redemptionsPerLinkMax: 10_000,
  /** Things received in full that are remembered, over all redemptions. */
  receivedMax: 10_000,
  /** How long a password once given is good for. */
  passwordMs: HOUR_MS,
  /** Downloads by browsers at once. */
  downloadsMax: 64,
  /** The same from one address. */
  downloadsPerAddressMax: 16,
  /** A client that takes nothing for so long is let go. */
  stallMs: 2 * MINUTE_MS,
  /** Threads that read for browsers. */
  threads: 2,
  /** Bytes of one read, and of one message from a thread. */
  chunkBytes: MIB / 4,
  /** Bytes of a form. */
  formBytesMax: 8 * 1024,
  /** Files on one page. */
  pageEntries: 500,
  /** Entries whose files are looked at before an archive begins; the rest as their turn comes. */
  archiveCheckEntriesMax: 20_000,
} as const;
