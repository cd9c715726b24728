/**
 * Trust on first use: which key a server showed when it was first met.
 *
 * The file holds one record per line, `host:port SHA256:<base64> <when>` or `host:port forgotten`.
 * It is only ever appended to, each record by one write, so that programs running at the same time
 * never lose each other's records; of several records for one server the first after its last
 * `forgotten` stands, so that two first contacts cannot end with two different keys.
 */
import { mkdir, open, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** A record that stands. */
export interface KnownServer {
  /** `SHA256:` and base64 of the digest of the certificate's public key (SPKI, DER). */
  readonly fingerprint: string;
  /** Where it is written down, for messages; null when it is in memory only. */
  readonly file: string | null;
  /** Line in that file, from 1. */
  readonly line: number | null;
}

/** Where the client keeps the identities of servers. */
export interface KnownServers {
  /** The record of a server, or null at first contact. */
  find(address: string): Promise<KnownServer | null>;
  /** Remembers a server unless a record stands already; returns the one that stands. */
  remember(address: string, fingerprint: string): Promise<KnownServer>;
  /** Drops a record; false when there was none. */
  forget(address: string): Promise<boolean>;
}

/** Directories of the user's own files, by the XDG rules. */
export const userDirectories = (
  environment: Readonly<Record<string, string | undefined>> = process.env,
): { readonly config: string; readonly state: string } => {
  const absolute = (value: string | undefined, fallback: string): string =>
    value?.startsWith('/') ? value : join(homedir(), fallback);
  return {
    config: join(absolute(environment.XDG_CONFIG_HOME, '.config'), 'jetstream'),
    state: join(absolute(environment.XDG_STATE_HOME, '.local/state'), 'jetstream'),
  };
};

/** `host:port` as it is remembered: lower case, IPv6 addresses in brackets. */
export const serverAddress = (host: string, port: number): string => {
  const name = host.toLowerCase();
  return `${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
};

const FORGOTTEN = 'forgotten';
/** A record that a crash has cut short does not match, and so does not count. */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
/** A longer file is not ours; reading it whole would only waste memory. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Keeps the records in a file of the user, mode 0600. */
export class FileKnownServers implements KnownServers {
  readonly file: string;
  readonly #now: () => number;

  constructor(
    file: string = join(userDirectories().config, 'known_servers'),
    now: () => number = () => Date.now(),
  ) {
    this.file = file;
    this.#now = now;
  }

  async find(address: string): Promise<KnownServer | null> {
    const lines = (await this.#read()).split('\n');
    let found: KnownServer | null = null;
    for (const [index, text] of lines.entries()) {
      const [name, value] = text.trim().split(/\s+/);
      if (name !== address || value === undefined) continue;
      if (value === FORGOTTEN) found = null;
      else if (found === null && FINGERPRINT.test(value)) {
        found = { fingerprint: value, file: this.file, line: index + 1 };
      }
    }
    return found;
  }

  async remember(address: string, fingerprint: string): Promise<KnownServer> {
    const known = await this.find(address);
    if (known !== null) return known;
    await this.#append(`${address} ${fingerprint} ${new Date(this.#now()).toISOString()}`);
    // Another program may have come first; what stands in the file is what counts.
    const standing = await this.find(address);
    return standing ?? { fingerprint, file: this.file, line: null };
  }

  async forget(address: string): Promise<boolean> {
    if ((await this.find(address)) === null) return false;
    await this.#append(`${address} ${FORGOTTEN} ${new Date(this.#now()).toISOString()}`);
    return true;
  }

  async #read(): Promise<string> {
    try {
      const text = await readFile(this.file, 'utf8');
      if (text.length > FILE_BYTES_MAX) {
        throw new Error(
          `Cannot read "${this.file}": ${text.length} bytes, expected at most ${FILE_BYTES_MAX}`,
        );
      }
      return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  }

  async #append(record: string): Promise<void> {
    await mkdir(dirname(this.file), { recursive: true, mode: 0o700 });
    const file = await open(this.file, 'a', 0o600);
    try {
      // The leading line break heals a record that a crash has cut off before its own.
      await file.write(`\n${record}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Keeps the records in memory, for programs that pin by other means and for tests. */
export class MemoryKnownServers implements KnownServers {
  readonly #records = new Map<string, string>();

  async find(address: string): Promise<KnownServer | null> {
    const fingerprint = this.#records.get(address);
    return fingerprint === undefined ? null : { fingerprint, file: null, line: null };
  }

  async remember(address: string, fingerprint: string): Promise<KnownServer> {
    if (!this.#records.has(address)) this.#records.set(address, fingerprint);
    return (await this.find(address)) ?? { fingerprint, file: null, line: null };
  }

  async forget(address: string): Promise<boolean> {
    return this.#records.delete(address);
  }
}
