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

/** Keeps a scan; durable when it resolves. */
export const keepScanOrder = async (listPath: string, request: ScanRequest): Promise<void> => {
  const file = orderPath(listPath);
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify({ version: VERSION, request }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  await syncNamesAside(dirname(file));
};

/** @returns A scan that was kept; null when there is none. */
export const readScanOrder = async (listPath: string): Promise<ScanRequest | null> => {
  let text: string;
  try {
    text = await readFile(orderPath(listPath), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const { version, request } = JSON.parse(text) as { version: number; request: ScanRequest };
  return version === VERSION ? request : null;
};

/** The scan has come to an end. */
export const dropScanOrder = (listPath: string): Promise<void> =>
  rm(orderPath(listPath), { force: true });

/** Removes what a scan has left that will not go on. */
export const dropUnfinishedList = async (listPath: string): Promise<void> => {
  for (const path of [growingPath(listPath), groupsPath(listPath)]) await rm(path, { force: true });
};
