/**
 * The directory of triggers. Whoever can write there runs programs with the rights of the server, so
 * directory and files must belong to the server's account or to root, and nobody else may write them.
 */
import fs from 'node:fs';
import path from 'node:path';

/** Why a file is not run; null when it is. */
export type TriggerFault = string | null;

const MODE_WRITE_OTHERS = 0o022;

const faultOf = (stat: fs.Stats): TriggerFault => {
  const own = process.geteuid?.() ?? 0;
  if (stat.uid !== 0 && stat.uid !== own) {
    return `it belongs to user id ${stat.uid}, expected ${own} or 0`;
  }
  if ((stat.mode & MODE_WRITE_OTHERS) !== 0) return 'its group or everybody may write it';
  return null;
};

/** The C library gives what the kernel cannot run to a shell; that is not for us to do. */
const formFault = (file: string): TriggerFault => {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    const magic = Buffer.alloc(4);
    fs.readSync(fd, magic, 0, magic.length, 0);
    const isProgram = magic.toString('latin1') === '\x7fELF';
    const isScript = magic.toString('latin1', 0, 2) === '#!';
    return isProgram || isScript
      ? null
      : 'it is neither a program nor a script that begins with #!';
  } finally {
    fs.closeSync(fd);
  }
};

/** @see the head of this file */
export class TriggerFiles {
  readonly directory: string;
  #names: ReadonlySet<string> = new Set();
  #stamp = '';

  constructor(directory: string) {
    this.directory = path.resolve(directory);
  }

  /** Names of the files that are there now; read anew only when the directory has changed. */
  names(): ReadonlySet<string> {
    try {
      const { mtimeMs, ino } = fs.statSync(this.directory);
      const stamp = `${ino} ${mtimeMs}`;
      if (stamp !== this.#stamp) this.#names = new Set(fs.readdirSync(this.directory));
      // A change within the same tick of the clock of the disk would not show.
      this.#stamp = Date.now() - mtimeMs > 2000 ? stamp : '';
    } catch {
      this.#names = new Set();
      this.#stamp = '';
    }
    return this.#names;
  }

  /** Why nothing in the directory can be found; null when it can be read. */
  get directoryFault(): TriggerFault {
    try {
      fs.readdirSync(this.directory);
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'it cannot be read';
    }
  }

  /** Path of a trigger. */
  pathOf(name: string): string {
    return path.join(this.directory, name);
  }

  /** Looks at directory and file as they are at this moment. */
  fault(name: string): TriggerFault {
    try {
      const above = faultOf(fs.statSync(this.directory));
      if (above !== null) return `the directory cannot be trusted: ${above}`;
      const stat = fs.lstatSync(this.pathOf(name));
      if (!stat.isFile()) return 'it is no regular file';
      if ((stat.mode & 0o111) === 0) return 'it is not executable';
      return faultOf(stat) ?? formFault(this.pathOf(name));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'it cannot be read';
    }
  }
}
