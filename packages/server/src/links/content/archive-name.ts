/**
 * Names inside an archive. Whoever unpacks it must not be led out of the directory, on any system,
 * and no two files may become one: a name that had to be changed carries the number of its entry.
 */

/** Control characters, bytes that are no text, marks of direction, and the backslash. */
const UNSAFE = /[\p{Cc}\p{Surrogate}\u202a-\u202e\u2066-\u2069\\]/gu;
/** `C:` at the start of a path is a drive where there are drives. */
const DRIVE = /^([A-Za-z]):/;

const withNumber = (name: string, number: number): string => {
  const dot = name.lastIndexOf('.');
  const isSuffix = dot > 0 && dot > name.lastIndexOf('/') + 1;
  return isSuffix ? `${name.slice(0, dot)}~${number}${name.slice(dot)}` : `${name}~${number}`;
};

/** A single file name that is safe to be given to a stranger. */
export const safeFileName = (text: string): string => {
  const plain = text.replace(UNSAFE, '_').replaceAll('/', '_').replace(DRIVE, '$1_');
  return plain === '' || plain === '.' || plain === '..' ? '_' : plain;
};

/**
 * The name of an entry: relative, of components that are neither empty nor `.` or `..`.
 *
 * @param destPath As the manifest has it.
 * @param number Position of the entry in the manifest.
 */
export const archiveName = (destPath: string, number: number): string => {
  const components = destPath.split('/').filter((name) => name !== '' && name !== '.');
  const plain = components.join('/');
  const safe = components
    .map((name) => (name === '..' ? '_' : name.replace(UNSAFE, '_')))
    .join('/')
    .replace(DRIVE, '$1_');
  return safe === plain && safe !== '' ? safe : withNumber(safe === '' ? '_' : safe, number);
};
