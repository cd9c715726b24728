/**
 * Which bytes of a file a request is for, by its conditions and its range.
 *
 * @see RFC 9110, sections 13 and 14
 */

/** The headers that matter, each once at most. */
export interface RangeHeaders {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** A file as the headers of its answer describe it. */
export interface Representation {
  readonly size: number;
  /** Strong entity tag, with its quotes. */
  readonly etag: string;
  /** HTTP date; null for what has none. */
  readonly lastModified: string | null;
}

export type RangeAnswer =
  | { readonly status: 200 }
  /** Bytes from `start` to before `end`. */
  | { readonly status: 206; readonly start: number; readonly end: number }
  | { readonly status: 304 | 412 | 416 };

const WHOLE: RangeAnswer = { status: 200 };

const listHolds = (list: string, etag: string): boolean =>
  list.trim() === '*' || list.split(',').some((tag) => tag.trim() === etag);

const parseRange = (text: string, size: number): RangeAnswer => {
  const match = /^\s*bytes\s*=\s*(\d{0,16})\s*-\s*(\d{0,16})\s*$/i.exec(text);
  // Several ranges, and units that are not known, get all of it.
  if (match === null) return WHOLE;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return WHOLE;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? { status: 416 } : { status: 206, start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < start) return WHOLE;
  return start >= size ? { status: 416 } : { status: 206, start, end };
};

/** What to answer a GET or HEAD with. */
export const answerRange = (headers: RangeHeaders, file: Representation): RangeAnswer => {
  const { range, ifRange, ifMatch, ifNoneMatch } = headers;
  if (ifMatch !== undefined && !listHolds(ifMatch, file.etag)) return { status: 412 };
  if (ifNoneMatch !== undefined && listHolds(ifNoneMatch.replaceAll('W/', ''), file.etag)) {
    return { status: 304 };
  }
  if (range === undefined) return WHOLE;
  if (ifRange !== undefined) {
    const condition = ifRange.trim();
    if (condition !== file.etag && condition !== file.lastModified) return WHOLE;
  }
  return parseRange(range, file.size);
};
