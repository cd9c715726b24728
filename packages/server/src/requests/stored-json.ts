/**
 * JSON that is passed on as it is, from where it was made to the client, without being parsed on
 * the way. Results of requests are kept like this: short ones as text, long ones as a file.
 */

/** Text of one JSON value. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A file in the state directory that holds one JSON value as UTF-8. */
export class JsonFile {
  readonly path: string;
  readonly bytes: number;

  constructor(path: string, bytes: number) {
    this.path = path;
    this.bytes = bytes;
  }
}

/** One JSON value that is made while it is sent; never kept. */
export class JsonStream {
  readonly pieces: AsyncIterable<string>;

  constructor(pieces: AsyncIterable<string>) {
    this.pieces = pieces;
  }
}

export type StoredJson = JsonText | JsonFile;

/** Whether a value is JSON that is already encoded. */
export const isStoredJson = (value: unknown): value is StoredJson =>
  value instanceof JsonText || value instanceof JsonFile;
