/** JSON as the CLI prints it. */

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Record<string, unknown>);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
};

/** What JSON leaves as it is but a terminal may act upon. */
const UNSAFE = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const escapeUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Indented JSON with sorted keys; a terminal finds nothing in it to act upon. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(sorted(value), null, 2).replace(UNSAFE, escapeUnit);

/** The same on one line, for streams of records. */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(sorted(value)).replace(UNSAFE, escapeUnit);
