/** The ports of a scan on the real disk: confined roots and file lists. */
import { existsSync } from 'node:fs';
import { loadNativeFileSystem } from '@jetstream/udp';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { ManifestListWriter } from '../storage/manifest-list.js';
import { ManifestList } from '../storage/manifest-list-reader.js';
import { MANIFEST_ENTRIES_MAX, type ScanTotals } from './scan.js';
import type { ListSink, ScanOrder, ScanRunPorts } from './scan-runner.js';
import { TargetIndex } from './target-index.js';

/** Opens the list of an order; its roots are numbered as the mappings name them first. */
const openList = (order: ScanOrder): ListSink => {
  const roots = [...new Set(order.request.mappings.map((mapping) => mapping.root))];
  const numbers = new Map(roots.map((root, index) => [root, index]));
  const resumes = order.resumes === true;
  const targets = new TargetIndex(MANIFEST_ENTRIES_MAX);
  const writer = resumes
    ? ManifestListWriter.resume(order.listPath, roots, ({ kind, destPath }) => {
        if (kind === 'directory') targets.addDirectory(destPath);
        else targets.addKnown(destPath);
      })
    : ManifestListWriter.create(order.listPath, roots);
  return {
    known: resumes ? { targets, ...writer.totals } : null,
    add: (entry) =>
      writer.append({
        kind: entry.kind,
        root: numbers.get(entry.root) ?? -1,
        source: entry.components.join('/'),
        destPath: entry.destPath,
        size: entry.size,
        mtimeus: entry.mtimeus,
        mode: entry.mode,
        ...(entry.link === undefined ? {} : { link: entry.link }),
      }),
    announce: () => writer.announce(),
    finish: () => {
      writer.finish();
    },
    discard: () => writer.abort(),
  };
};

/** The totals of a list that is complete; what was left out of it is not known any more. */
const finished = ({ listPath }: ScanOrder): ScanTotals | null => {
  if (!existsSync(listPath)) return null;
  const list = ManifestList.open(listPath);
  list.close();
  const { entries: totalFiles, bytes: totalBytes } = list.totals;
  return { totalFiles, totalBytes, skippedCount: 0, notes: [] };
};

/** Ports that use the native addon where it is built. */
export const diskScanPorts = (): ScanRunPorts => {
  const native = loadNativeFileSystem();
  return { openRoot: (directory) => ConfinedRoot.open(directory, { native }), openList, finished };
};
