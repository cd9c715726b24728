/** Pages of a manifest's file list, as the API shows them. */
import type { FileMapping, ManifestFilesStructure } from '@jetstream/contract';
import type { ManifestEntry } from '../storage/list-format.js';
import { ManifestList } from '../storage/manifest-list-reader.js';

/** Files on a page when the caller names no limit. */
export const FILES_PAGE_DEFAULT = 10_000;
/** Lines read between two turns of the event loop. */
const SLICE_ENTRIES = 2048;

export interface ManifestFilesOptions {
  readonly manifestId: string;
  readonly listPath: string;
  /** Roots of the caller, to show sources by the names that the caller knows. */
  readonly roots: ReadonlyMap<string, string>;
  /** Whether the caller may not see where the sources are. */
  readonly hidesSources: boolean;
  readonly page: { readonly offset: number; readonly limit: number | null };
}

const mappingOf = (entry: ManifestEntry, rootNames: readonly string[]): FileMapping => {
  const rootName = rootNames[entry.root] ?? '';
  return {
    srcPath: `${rootName === '' ? '' : `${rootName}:`}/${entry.source}`,
    destPath: entry.destPath,
    fileSize: entry.size,
    isEmptyDir: entry.kind === 'directory',
    executable: entry.kind === 'file' && (entry.mode & 0o111) !== 0,
    modificationTime: entry.mtimeus,
    linkTarget: entry.link ?? null,
  };
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads one page; gives way to other work while it reads. */
export const readManifestFiles = async (
  options: ManifestFilesOptions,
): Promise<ManifestFilesStructure> => {
  const { offset } = options.page;
  const limit = options.page.limit ?? FILES_PAGE_DEFAULT;
  const nameOf = new Map([...options.roots].map(([name, directory]) => [directory, name]));
  const list = ManifestList.open(options.listPath);
  try {
    const rootNames = list.roots.map((directory) => nameOf.get(directory) ?? '');
    const fileMappings: FileMapping[] = [];
    while (fileMappings.length < limit) {
      const wanted = Math.min(limit - fileMappings.length, SLICE_ENTRIES);
      const entries = list.page(offset + fileMappings.length, wanted);
      for (const entry of entries) {
        const mapping = mappingOf(entry, rootNames);
        fileMappings.push(options.hidesSources ? { ...mapping, srcPath: '' } : mapping);
      }
      if (entries.length < wanted) break;
      await nextTurn();
    }
    const end = offset + fileMappings.length;
    return {
      manifestId: options.manifestId,
      fileMappings,
      nextOffset: end < list.totals.entries ? end : null,
    };
  } finally {
    list.close();
  }
};
