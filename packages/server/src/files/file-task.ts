/** File operations as plain data, the way they travel to a file thread and back. */
import type { HashType } from '@jetstream/contract';

/** What to hash files with. */
export interface HashRequest {
  /** At least one. */
  readonly types: readonly HashType[];
  /** Bytes of a part of the hash S3. */
  readonly partBytes: number;
}

/** A place on the disk: validated components below a root. */
export interface Place {
  /** Address of the directory that nothing leaves; see `root-address.ts`. */
  readonly root: string;
  readonly rootName: string;
  readonly components: readonly string[];
}

interface ListOptions {
  /** Describes directories themselves in place of their content. */
  readonly directory: boolean;
  readonly hash: HashRequest | null;
  /** Where a long result is written. */
  readonly draftPath: string;
}

export type ListTask = { readonly kind: 'list'; readonly place: Place } & ListOptions;
export type ListPathsTask = {
  readonly kind: 'listPaths';
  readonly places: readonly Place[];
} & ListOptions;

export interface MakeFileTask {
  readonly kind: 'makeFile';
  readonly place: Place;
  readonly size: number;
  readonly fillRandom: boolean;
  /** Replaces a file that is there, which otherwise stays. */
  readonly modifyExisting: boolean;
}

export interface MoveTask {
  readonly kind: 'move';
  readonly from: Place;
  readonly to: Place;
}

export type FileTask =
  | ListTask
  | ListPathsTask
  | MakeFileTask
  | MoveTask
  | { readonly kind: 'roots'; readonly roots: readonly (readonly [string, string])[] }
  | { readonly kind: 'sizes'; readonly place: Place }
  | { readonly kind: 'mkdir'; readonly place: Place }
  | { readonly kind: 'remove'; readonly place: Place }
  | { readonly kind: 'resolve'; readonly place: Place };

/** JSON of the result, or the file that holds it. */
export type FileTaskResult =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number };

/** Publishes what a task has done so far. */
export type Report = (counters: Readonly<Record<string, number>>) => void;

/**
 * Work in small steps: each `yield` is a place to pause or to stop. A promise that is yielded is
 * waited for; it must not reject.
 */
export type Steps<T> = Generator<Promise<void> | undefined, T, void>;
