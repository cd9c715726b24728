/**
 * The file list of a manifest, on disk: one JSON object a line, so that a person can read it and a
 * million entries never lie in memory.
 *
 *     {"manifestList":1,"roots":["/srv/in"]}
 *     {"k":"f","r":0,"s":"a/b.txt","d":"/dst/b.txt","z":12,"t":1700000000000000,"m":420}
 *     …
 *     {"entries":2,"files":1,"bytes":12,"groups":[[39,0],…]}
 *     {"footer":            213}
 *
 * `r` is the index of the sandbox root that confines the source, `s` the path below it (components
 * joined by `/`), `d` the path as the receiver gets it, `k` the kind (f, d, l), `z` size, `t` mtime
 * in microseconds, `m` permission bits, `l` the text of a link. Names may hold lone surrogates (bytes that are not UTF-8);
 * JSON carries them escaped.
 *
 * `groups` holds for every {@link GROUP_ENTRIES} entries the byte where they start in this file and
 * the linear position of the first; the last line, of fixed length, says where that line starts.
 * A list without it was cut off and is refused. The file gets its name only when it is durable.
 *
 * While it grows it lies under another name (`.new`), and those who send it read it there: beside it
 * (`.groups`) stand byte and linear position of each group whose content is durable, 16 bytes each, so
 * what was read once is never taken back, whatever happens to this machine. The end of a group
 * is the begin of the next; see growing-list.ts.
 */
export const MANIFEST_LIST_VERSION = 1;
/** Entries between two index points of a list. */
export const GROUP_ENTRIES = 256;
/** Bytes of the last line, its line feed included. */
export const FOOTER_BYTES = 32;
/** Bytes of one group in the file beside a list that grows. */
export const GROUP_RECORD_BYTES = 16;

/** Where a list lies while it grows. */
export const growingPath = (listPath: string): string => `${listPath}.new`;
/** What of it is durable. */
export const groupsPath = (listPath: string): string => `${listPath}.groups`;

/** First line of a list. */
export const headerOf = (roots: readonly string[]): string =>
  `${JSON.stringify({ manifestList: MANIFEST_LIST_VERSION, roots })}\n`;

export type EntryKind = 'file' | 'directory' | 'link';

/** One entry of a manifest. */
export interface ManifestEntry {
  readonly kind: EntryKind;
  /** Index of the root, in the order given to the writer. */
  readonly root: number;
  /** Path below that root: validated components joined by `/`, without one at the start. */
  readonly source: string;
  /** Path text as it goes to the receiver. */
  readonly destPath: string;
  /** 0 for everything but files. */
  readonly size: number;
  readonly mtimeus: number;
  /** Permission bits. */
  readonly mode: number;
  /** Text of a link. */
  readonly link?: string;
}

/** What a finished list holds. */
export interface ManifestTotals {
  /** All entries, directories included: the `totalFiles` of orders and offers. */
  readonly entries: number;
  readonly files: number;
  /** Sum of the file sizes: the length of the linear space. */
  readonly bytes: number;
}

/** One line, as JSON holds it. */
export interface ManifestLine {
  readonly k: 'f' | 'd' | 'l';
  readonly r: number;
  readonly s: string;
  readonly d: string;
  readonly z: number;
  readonly t: number;
  readonly m: number;
  readonly l?: string;
}

/** The line before the last. */
export interface ManifestIndex extends ManifestTotals {
  readonly groups: readonly (readonly [byte: number, linear: number])[];
}

const KINDS = { f: 'file', d: 'directory', l: 'link' } as const;

/** The entry of a line. */
export const entryOf = (line: ManifestLine): ManifestEntry => ({
  kind: KINDS[line.k],
  root: line.r,
  source: line.s,
  destPath: line.d,
  size: line.z,
  mtimeus: line.t,
  mode: line.m,
  ...(line.l === undefined ? {} : { link: line.l }),
});
