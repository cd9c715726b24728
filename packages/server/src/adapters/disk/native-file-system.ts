import fs from 'node:fs';
import { loadNativeFileSystem, type NativeFileSystem } from '@jetstream/udp';

export type { NativeFileSystem } from '@jetstream/udp';

let loaded: NativeFileSystem | null | undefined;

/** Old kernels lack openat2, and container profiles may refuse it; both show at the first call. */
const works = (native: NativeFileSystem): boolean => {
  try {
    const rootFd = fs.openSync('/', fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      const flags = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY;
      fs.closeSync(native.openBeneath(rootFd, 'proc', flags, 0));
      return true;
    } finally {
      fs.closeSync(rootFd);
    }
  } catch {
    return false;
  }
};

/** The addon's calls for files, or null where it is not built or the kernel lacks openat2. */
export const nativeFileSystem = (): NativeFileSystem | null => {
  if (loaded === undefined) {
    const native = loadNativeFileSystem();
    loaded = native !== null && works(native) ? native : null;
  }
  return loaded;
};
