/** How tests of this area wait for what other threads and the disk do. */

/** Lets what is under way on this thread go on. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits until something holds; gives up after many turns and 10 s: an idle loop turns faster than a disk. */
export const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (let turns = 0, endMs = performance.now() + 10_000; !holds(); turns += 1) {
    if (turns > 20_000 && performance.now() > endMs) throw new Error(`waited in vain: ${what}`);
    await turn();
  }
};
