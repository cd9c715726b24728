/** Where manifests are kept; their file lists are files of their own. */
import type { ErrorCode, ManifestStructure } from '@jetstream/contract';
import type { CandidatePage } from '../collection/garbage-kind.js';
import type { Caller, Ownership } from '../sessions/caller.js';

/** Free facts that users attach to objects. */
export type UserData = ManifestStructure['userData'];

/** A manifest as it is stored. */
export interface ManifestRecord extends Ownership {
  readonly id: string;
  readonly status: ManifestStructure['status'];
  readonly errorCode: ErrorCode | null;
  readonly errorMessage: string;
  readonly totalFiles: number | null;
  readonly totalSize: number | null;
  readonly creationTimeUs: number;
  readonly userData: UserData;
}

/** A part of a list, oldest first. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** Persistence of manifests; writes resolve when they are durable. */
export interface ManifestStore {
  insert(record: ManifestRecord): Promise<void>;
  /** Writes everything but the user data. */
  update(record: ManifestRecord): Promise<void>;
  /** Changes the user data. @returns What they became, null for a manifest that is gone. */
  editUserData(id: string, edit: (userData: UserData) => UserData): Promise<UserData | null>;
  remove(id: string): Promise<void>;
  find(id: string): Promise<ManifestRecord | null>;
  /** Those that the caller may see. */
  list(caller: Caller, page: Page): Promise<ManifestRecord[]>;
  /**
   * Some of those that were made at a time or before, are sent by no transfer but by such that
   * ended by then, and to which no shared token refers that is valid now; earliest first, after one
   * of them.
   */
  unusedBefore(
    timeUs: number,
    page: CandidatePage<ManifestRecord> & { readonly nowUs: number },
  ): Promise<ManifestRecord[]>;
  /** Those that were being made, whoever owns them. */
  pending(): Promise<ManifestRecord[]>;
}
