/**
 * Methods about files, part of the server interface. A path is `/a/b`, or `name:/a/b` under a named
 * root; names that are not UTF-8 are written as `path-text.ts` says, without loss.
 */
import { z } from 'zod';
import { HASH_TYPES } from '../constants.js';
import type { ErrorCode } from '../errors.js';
import { method } from '../method.js';
import { listing, requestHandle } from '../structures.js';

/** Paths of one `lsListAsync`. */
const LIST_PATHS_MAX = 100_000;
/** Bytes of a file made by `mkFileAsync`: one pebibyte. */
const MADE_FILE_BYTES_MAX = 1_125_899_906_842_624;
/** Parts of the hash S3, in bytes. */
const HASH_PART_BYTES_MIN = 1_048_576;
const HASH_PART_BYTES_MAX = 5_368_709_120;

const path = z.string().max(4096 * 2);
const hashType = z.enum(HASH_TYPES);
const nothing = z.null();

const hashParams = {
  calculateHashType: z.union([hashType, z.array(hashType).min(1).max(HASH_TYPES.length)]).nullish(),
  hashPartSize: z.int().min(HASH_PART_BYTES_MIN).max(HASH_PART_BYTES_MAX).nullish(),
};
const hashDocs = {
  calculateHashType:
    'Hash of each file: MD5 or S3; ours: SHA256, BLAKE3, XXH3, or a list of them for one reading, which fills `hashes`',
  hashPartSize: 'Ours: bytes of a part of the hash S3; 8 MiB when absent',
};

/** What any method with a path may fail with. */
const pathErrors = [
  'path_invalid',
  'path_not_found',
  'not_a_directory',
  'name_too_long',
  'cancelled',
  'io_error',
  'agent_unavailable',
] as const satisfies readonly ErrorCode[];
/** The same, of those that write. */
const writeErrors = [
  ...pathErrors,
  'disk_full',
  'read_only',
] as const satisfies readonly ErrorCode[];

export const fileMethods = {
  lsAsync: method({
    params: { path, directory: z.boolean().nullish(), ...hashParams },
    required: ['path'],
    result: requestHandle,
    requestResult: listing,
    access: 'user',
    errors: pathErrors,
    since: '1.0.0',
    summary: 'Lists a directory, or describes one path.',
    paramDocs: {
      path: 'Path to list',
      directory: 'True describes the directory itself instead of its content',
      ...hashDocs,
    },
  }),
  lsListAsync: method({
    params: {
      pathList: z.array(path).max(LIST_PATHS_MAX),
      statOnly: z.boolean().nullish(),
      ...hashParams,
    },
    required: ['pathList'],
    result: requestHandle,
    requestResult: z.array(listing),
    access: 'user',
    errors: pathErrors,
    since: '1.0.0',
    summary: 'Lists or describes several paths; the results are in the order of the paths.',
    paramDocs: {
      pathList: 'Paths to list; one that cannot be listed fails the request',
      statOnly: 'True describes directories themselves instead of their content',
      ...hashDocs,
    },
  }),
  lsRootsAsync: method({
    params: {},
    required: [],
    result: requestHandle,
    requestResult: listing,
    access: 'user',
    errors: ['cancelled'],
    since: '1.0.0',
    summary: 'Lists the root folders visible to the caller.',
  }),
  duAsync: method({
    params: { path },
    required: ['path'],
    result: requestHandle,
    requestResult: z.object({ du: z.int() }),
    access: 'user',
    errors: pathErrors,
    since: '1.0.0',
    summary: 'Adds up the sizes of all files under a path that the caller can see.',
    paramDocs: { path: 'Path to add up; symbolic links count nothing and are not followed' },
  }),
  mkdirAsync: method({
    params: { path },
    required: ['path'],
    result: requestHandle,
    requestResult: nothing,
    access: 'user',
    errors: writeErrors,
    since: '1.3.0',
    summary: 'Creates a directory and its parents; one that exists is no error.',
    paramDocs: { path: 'Path of the directory' },
    mutates: true,
  }),
  mkFileAsync: method({
    params: {
      path,
      size: z.int().min(0).max(MADE_FILE_BYTES_MAX),
      fillRandom: z.boolean().nullish(),
      modifyExisting: z.boolean().nullish(),
    },
    required: ['path', 'size'],
    result: requestHandle,
    requestResult: nothing,
    access: 'user',
    errors: [...writeErrors, 'is_a_directory'],
    since: '2.5.1',
    summary: 'Creates a file of a size.',
    paramDocs: {
      path: 'Path of the file; its directory must exist',
      size: 'Its size in bytes',
      fillRandom: 'True fills it with random bytes; otherwise it reads as zeros and takes no room',
      modifyExisting: 'True replaces a file of that name; otherwise it stays and all is well',
    },
    mutates: true,
  }),
  mvAsync: method({
    params: { path, newPath: path },
    required: ['path', 'newPath'],
    result: requestHandle,
    requestResult: nothing,
    access: 'user',
    errors: [...writeErrors, 'already_exists', 'conflict'],
    since: '1.5.0',
    summary: 'Moves or renames a path; nothing is ever replaced.',
    paramDocs: {
      path: 'What to move; a symbolic link is moved itself',
      newPath: 'Its new path, or a directory that exists, which it is moved into',
    },
    mutates: true,
  }),
  rmAsync: method({
    params: { path },
    required: ['path'],
    result: requestHandle,
    requestResult: nothing,
    access: 'user',
    errors: writeErrors,
    since: '1.5.0',
    summary: 'Removes a file, or a directory with everything under it.',
    paramDocs: { path: 'Path to remove' },
    mutates: true,
  }),
} as const;
