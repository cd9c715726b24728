/**
 * Which symbolic links may travel. A link is text, and what it means is decided where it is read, so
 * the text must be harmless wherever the link lies: relative, `..` only at its start, and not so
 * many of them that it leaves the root.
 *
 * A `..` behind a name is refused because that name may be a link itself, and then `..` does not mean
 * what the text seems to say.
 */

/** Bytes of a link's text, as path limits of operating systems have it. */
export const LINK_BYTES_MAX = 4095;

/**
 * What speaks against a link.
 *
 * @param text Text of the link.
 * @param depth Directories between the root and the link: so many `..` stay inside.
 * @returns Null when the link is fine.
 */
export const linkFault = (text: string, depth: number): string | null => {
  if (text === '' || text.includes('\0')) return 'its text is no path';
  if (Buffer.byteLength(text) > LINK_BYTES_MAX) return 'its text is too long';
  if (text.startsWith('/')) return 'it is absolute';
  const names = text.split('/').filter((name) => name !== '' && name !== '.');
  let ups = 0;
  while (names[ups] === '..') ups += 1;
  if (ups > depth) return 'it leads out of the root';
  if (names.includes('..', ups)) return 'it goes up behind a name';
  return null;
};
