/**
 * Scans that must not be lost, because a transfer already sends what they have found: each is kept in
 * a file beside its list and goes on after a restart of the server, whatever ended it.
 */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncNamesAside } from '../adapters/disk/sync-names.js';
import { groupsPath, growingPath } from '../storage/list-format.js';
import type { ScanRequest } from './scan.js';

const VERSION = 1;
const orderPath = (listPath: string): string => `${listPath}.order`;
const draftPath = (listPath: string): string => `${orderPath(listPath)}.new`;
const damagedPath = (listPath: string): string => `${orderPath(listPath)}.damaged`;

/** A scan that was kept and cannot be read; its file is out of the way, for people to look at. */
export interface DamagedScan {
  readonly file: string;
  readonly cause: unknown;
}

/** Keeps a scan; durable when it resolves. */
export const keepScanOrder = async (listPath: string, request: ScanRequest): Promise<void> => {
  const file = orderPath(listPath);
  const draft = draftPath(listPath);
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify({ version: VERSION, request }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  await syncNamesAside(dirname(file));
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const requestOf = (text: string): ScanRequest => {
  const order: unknown = JSON.parse(text);
  if (!isRecord(order) || order.version !== VERSION) {
    throw new Error(`Cannot use a kept scan: its version is unknown, expected ${VERSION}`);
  }
  const { request } = order;
  if (!isRecord(request) || !Array.isArray(request.mappings)) {
    throw new Error('Cannot use a kept scan: it has no mappings, expected what was asked for');
  }
  return request as unknown as ScanRequest;
};

/** @returns A scan that was kept; null when there is none. */
export const readScanOrder = async (
  listPath: string,
): Promise<{ readonly request: ScanRequest } | DamagedScan | null> => {
  try {
    return { request: requestOf(await readFile(orderPath(listPath), 'utf8')) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const file = damagedPath(listPath);
    await rename(orderPath(listPath), file).catch(() => {});
    return { file, cause };
  }
};

const removeAll = async (files: readonly string[]): Promise<void> => {
  for (const file of files) await rm(file, { force: true });
};

/** The scan has come to an end. */
export const dropScanOrder = (listPath: string): Promise<void> =>
  removeAll([orderPath(listPath), draftPath(listPath)]);

/** Removes what a scan has left that will not go on. */
export const dropUnfinishedList = (listPath: string): Promise<void> =>
  removeAll([growingPath(listPath), groupsPath(listPath), draftPath(listPath)]);

/** Removes a list and all that may lie beside it; no scan may still be writing it. */
export const dropList = (listPath: string): Promise<void> =>
  removeAll([
    ...[listPath, growingPath(listPath), groupsPath(listPath)],
    ...[orderPath(listPath), draftPath(listPath), damagedPath(listPath)],
  ]);
