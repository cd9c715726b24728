/** Lists for `sha256sum -c` and `b3sum -c`: digest, two spaces, path; odd names are escaped. */
import { pathBytesFromText } from '@jetstream/contract';
import type { ReceiptExport } from './receipt-export.js';

/** Bytes that are gathered before they are written. */
const WRITE_BYTES = 64 * 1024;

/** What the coreutils escape, with a backslash at the head of the line; b3sum leaves CR as it is. */
const escaped = (path: string, format: 'b3sum' | 'sha256sum'): { mark: string; path: string } => {
  const unsafe = format === 'b3sum' ? /[\\\n]/g : /[\\\n\r]/g;
  if (path.search(unsafe) < 0) return { mark: '', path };
  const names: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
  return { mark: '\\', path: path.replace(unsafe, (unit) => names[unit] ?? unit) };
};

/** @see the head of this file */
export const sumsExport = (
  format: 'b3sum' | 'sha256sum',
  write: (bytes: Uint8Array) => void,
): ReceiptExport => {
  let lines: Uint8Array[] = [];
  let held = 0;
  const flush = (): void => {
    if (held > 0) write(Buffer.concat(lines));
    lines = [];
    held = 0;
  };
  return {
    hashes: format === 'b3sum' ? null : ['sha256'],
    begin: () => undefined,
    file: (file, digests) => {
      const digest = digests[format === 'b3sum' ? 'blake3' : 'sha256'];
      if (file.kind !== 'file' || digest === undefined) return;
      const { mark, path } = escaped(file.path.replace(/^\/+/, ''), format);
      const name = pathBytesFromText(path) ?? Buffer.from(path);
      const line = Buffer.concat([Buffer.from(`${mark}${digest}  `), name, Buffer.from('\n')]);
      lines.push(line);
      held += line.length;
      if (held >= WRITE_BYTES) flush();
    },
    end: flush,
  };
};
