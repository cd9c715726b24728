/** Lines of a stream between two processes of a server; a line that is too long ends the stream. */
import type { Readable } from 'node:stream';

/** Calls back with each line, without its end. */
export const readLines = (
  stream: Readable,
  bytesMax: number,
  onLine: (line: string) => void,
): void => {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (part: Buffer) => {
    rest = Buffer.concat([rest, part]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      const line = rest.subarray(0, end);
      rest = rest.subarray(end + 1);
      if (line.length <= bytesMax) onLine(line.toString());
    }
    if (rest.length > bytesMax) stream.destroy();
  });
};
