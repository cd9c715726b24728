/**
 * Which method a name on the command line means. The exact name on the wire always wins; beside it
 * `createManifest` stands for `send.createManifest`, and `ls` for `lsAsync` with its result.
 */
import { isMethodName, METHODS, type MethodName } from '@jetstream/contract';
import { closestName } from './closest-name.js';
import { usageError } from './failure.js';

/** A method to call, and whether to wait for the result of its request. */
export interface ResolvedMethod {
  readonly method: MethodName;
  readonly waits: boolean;
}

const PREFIXES = ['', 'send.', 'recv.'];
const ASYNC = 'Async';

const names = Object.keys(METHODS) as MethodName[];

/** Names under which methods can be called without their prefix, for suggestions. */
const spokenNames = (): Set<string> =>
  new Set(
    names.flatMap((method) => {
      const bare = method.slice(method.indexOf('.') + 1);
      const short = bare.endsWith(ASYNC) ? [bare.slice(0, -ASYNC.length)] : [];
      return [method, bare, ...short];
    }),
  );

/** Finds the method. */
export const resolveMethod = (name: string): ResolvedMethod => {
  if (isMethodName(name)) return { method: name, waits: false };
  const candidates = PREFIXES.map((prefix) => prefix + name);
  const direct = candidates.find(isMethodName);
  if (direct !== undefined) return { method: direct as MethodName, waits: false };
  const waiting = candidates.map((candidate) => candidate + ASYNC).find(isMethodName);
  if (waiting !== undefined) return { method: waiting as MethodName, waits: true };
  const near = closestName(name, spokenNames());
  throw usageError(
    `Cannot find the command "${name}"${near === null ? '' : `, did you mean "${near}"?`}`,
    'jetstream api --help lists all commands',
  );
};
