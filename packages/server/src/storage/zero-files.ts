/** Zeros in place of what the files of a source hold, for performance tests: no disk is touched. */
import type { SourceFiles } from './source-files.js';

/** What a source asks of its files. */
export type ReadableFiles = Pick<
  SourceFiles,
  'failure' | 'failedBefore' | 'identity' | 'read' | 'release' | 'close' | 'errors'
>;

/** @see the head of this file */
export const zeroFiles = (): ReadableFiles => ({
  errors: [],
  failure: () => undefined,
  failedBefore: () => {},
  identity: () => 'zeros',
  read: (_entry, _offset, into) => {
    into.fill(0);
    return true;
  },
  release: () => {},
  close: () => {},
});
