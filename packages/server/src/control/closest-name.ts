/** Finds what somebody probably meant, for messages about unknown names. */

const NAME_CHARACTERS_MAX = 64;

const editDistance = (left: string, right: string): number => {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
};

/**
 * The known name closest to an unknown one, ignoring case.
 *
 * @returns Null when nothing is near: more than a third of the letters differ.
 */
export const closestName = (unknown: string, known: readonly string[]): string | null => {
  if (unknown.length > NAME_CHARACTERS_MAX) return null;
  const wanted = unknown.toLowerCase();
  let best: string | null = null;
  // Two letters that were swapped count as two differences.
  let bestDistance = Math.max(unknown.length > 3 ? 2 : 1, Math.floor(unknown.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
};
