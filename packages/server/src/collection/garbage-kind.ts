/** What a garbage collection asks of each kind of object. */

/** Kinds of objects, in the order in which they are collected: what refers comes first. */
export const GARBAGE_NAMES = [
  'transfers',
  'sharedTokens',
  'manifests',
  'receivedTransfers',
  'partialTransfers',
  'requests',
  'tokens',
] as const;
export type GarbageName = (typeof GARBAGE_NAMES)[number];

/** One run over all kinds. */
export interface CollectRun {
  readonly nowUs: number;
  /** How long an object must have been ready; 0 with `force`. */
  readonly graceUs: number;
  /** Whether the caller wants everything gone that may go. */
  readonly force: boolean;
  /** Only counts. */
  readonly dryRun: boolean;
  /** Fires when the server stops: the run ends where it is. */
  readonly signal: AbortSignal;
}

/** One kind of object that can be collected. */
export interface GarbageKind {
  readonly name: GarbageName;
  /**
   * Removes what has been ready for long enough and what nothing alive refers to.
   *
   * @returns How many were removed, or would be.
   */
  collect(run: CollectRun): Promise<number>;
}

/** Objects looked at in one go. */
export const COLLECT_PAGE = 500;

/** A page of candidates: those after one, in the order of the store; null for the first ones. */
export interface CandidatePage<T> {
  readonly after: T | null;
  readonly limit: number;
}

/**
 * Goes through pages of candidates.
 *
 * @param read A page, in an order that never changes.
 * @param remove Removes one, if the run is no dry one; whether it is gone. Called for several at once.
 */
export const collectPages = async <T>(
  run: CollectRun,
  read: (page: CandidatePage<T>) => Promise<T[]>,
  remove: (candidate: T) => Promise<boolean>,
): Promise<number> => {
  let count = 0;
  for (let after: T | null = null; !run.signal.aborted; ) {
    const page: T[] = await read({ after, limit: COLLECT_PAGE });
    const gone = await Promise.all(page.map(remove));
    count += gone.filter(Boolean).length;
    if (page.length < COLLECT_PAGE) break;
    after = page.at(-1) ?? after;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return count;
};
