/** Makes the names in a directory of the server's own durable: a new file is found after a power cut only then. */
import fs from 'node:fs';

const FLAGS = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY;

export const syncNames = (directory: string): void => {
  const fd = fs.openSync(directory, FLAGS);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
};

/** The same for a thread that must not wait for a disk. */
export const syncNamesAside = async (directory: string): Promise<void> => {
  const handle = await fs.promises.open(directory, FLAGS);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
