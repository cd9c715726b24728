/** The first look at a message that nobody vouches for. */

/** A line of JSON; undefined for what is none. */
export const parseLine = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

/** The fields of an object that has exactly these; null for anything else. */
export const fieldsOf = (
  message: unknown,
  names: readonly string[],
): Record<string, unknown> | null => {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return null;
  const keys = Object.keys(message);
  const fits = keys.length === names.length && names.every((name) => keys.includes(name));
  return fits ? (message as Record<string, unknown>) : null;
};

/** Text that a C program takes as it is. */
export const isText = (value: unknown): value is string =>
  typeof value === 'string' && !value.includes('\0');
