/** The ports of a scan on the real disk: confined roots and file lists. */
import { loadNativeFileSystem } from '@jetstream/udp';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { ManifestListWriter } from '../storage/manifest-list.js';
import type { ListSink, ScanOrder, ScanRunPorts } from './scan-runner.js';

/** Opens the list of an order; its roots are numbered as the mappings name them first. */
const openList = (order: ScanOrder): ListSink => {
  const roots = [...new Set(order.request.mappings.map((mapping) => mapping.root))];
  const numbers = new Map(roots.map((root, index) => [root, index]));
  const writer = ManifestListWriter.create(order.listPath, roots);
  return {
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
    finish: () => {
      writer.finish();
    },
    discard: () => writer.abort(),
  };
};

/** Ports that use the native addon where it is built. */
export const diskScanPorts = (): ScanRunPorts => {
  const native = loadNativeFileSystem();
  return { openRoot: (directory) => ConfinedRoot.open(directory, { native }), openList };
};
