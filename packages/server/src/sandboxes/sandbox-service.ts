/**
 * Sandboxes: which directories a user sees. A user's own mapping wins over the system sandbox, which
 * all others inherit; without either, the whole file system is visible.
 *
 * Roots are fixed when a session logs in, so a change reaches new sessions only. A directory may be
 * in the mappings of several users: that is how they share it, and only a superuser decides it.
 */
import { CommandError, type Params, type Result } from '@jetstream/contract';
import { formatRootAddress, parseRootAddress } from '../adapters/disk/root-address.js';
import type { EventLog } from '../events/event-log.js';
import type { Caller } from '../sessions/caller.js';
import type { DirectoryResolver } from '../tokens/token-service.js';
import {
  checkMappedUser,
  parseSandboxMapping,
  type SandboxMapping,
  sameRoot,
} from './sandbox-mapping.js';
import { parseSandboxPath } from './sandbox-path.js';
import { foldUserName, type SandboxStore, type StoredMapping } from './sandbox-store.js';
import { expandTemplate } from './sandbox-template.js';

/** Most mappings of a server. */
export const SANDBOX_MAPPINGS_MAX = 100_000;

/** The key and the user name of the system sandbox. */
const SYSTEM = '';

export interface SandboxRoots {
  /** Root name ('' for the unnamed one) to absolute directory. */
  readonly roots: ReadonlyMap<string, string>;
  /** Whether they are narrower than the whole file system. */
  readonly sandboxed: boolean;
}

/** Answers for a login. */
export interface SandboxDirectory {
  /**
   * @throws {CommandError} `permission_denied` for a user name that cannot stand in a path.
   */
  rootsOf(userName: string): SandboxRoots;
}

export interface SandboxServiceOptions {
  readonly store: SandboxStore;
  readonly events: EventLog;
  readonly directories: DirectoryResolver;
  /** From the option `sandboxDir`: the system sandbox, which then nobody changes. */
  readonly sandboxDir: string | null;
  /** Called after each change. */
  readonly onChanged: () => void;
}

/** The account that a caller's files are used as. */
const ownerOf = (caller: Caller): string | null => {
  const [root] = caller.roots.values();
  return root === undefined ? null : parseRootAddress(root).owner;
};

const EVERYTHING: SandboxRoots = { roots: new Map([['', '/']]), sandboxed: false };

export class SandboxService implements SandboxDirectory {
  readonly #options: SandboxServiceOptions;
  readonly #mappings = new Map<string, StoredMapping>();
  /** Changes follow one another, so that what is stored last is also what is remembered. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SandboxServiceOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    for (const stored of await this.#options.store.list()) this.#remember(stored);
  }

  rootsOf(userName: string): SandboxRoots {
    const own = this.#mappings.get(foldUserName(userName));
    const isOwn = own !== undefined && userName !== SYSTEM;
    const mapping = isOwn ? own.mapping : this.#system();
    if (mapping === false) return EVERYTHING;
    const roots = new Map(
      [...mapping].map(([name, root]) => [name, isOwn ? root : expandTemplate(root, userName)]),
    );
    return { roots, sandboxed: true };
  }

  /** All mappings by user name; '' is the system sandbox. */
  list(): Result<'getSandboxMappings'> {
    const own = [...this.#mappings.values()].filter(({ userName }) => userName !== SYSTEM);
    const system = this.#isLocked || this.#mappings.has(SYSTEM) ? [this.#systemEntry()] : [];
    return Object.fromEntries(
      [...system, ...own].map(({ userName, mapping }) => [
        userName,
        mapping === false ? false : Object.fromEntries(mapping),
      ]),
    );
  }

  async set(caller: Caller, params: Params<'setSandboxMapping'>): Promise<void> {
    const { userName } = params;
    checkMappedUser(userName);
    this.#checkUnlocked(userName);
    const mapping = parseSandboxMapping(params.sandboxRoots, userName === SYSTEM);
    await this.#refuseAliases(mapping, ownerOf(caller));
    await this.#inTurn(async () => {
      const isNew = !this.#mappings.has(foldUserName(userName));
      if (isNew && this.#mappings.size >= SANDBOX_MAPPINGS_MAX) {
        throw new CommandError(
          'too_many_requests',
          `Cannot set the sandbox mapping: there are ${this.#mappings.size}, expected fewer than ${SANDBOX_MAPPINGS_MAX}`,
        );
      }
      const { store, events } = this.#options;
      const sandboxRoots = mapping === false ? false : Object.fromEntries(mapping);
      await Promise.all([
        events.append('sandboxMappingSet', { userName, sandboxRoots, by: caller.userName }),
        store.save({ userName, mapping }),
      ]);
      this.#remember({ userName, mapping });
    });
    this.#options.onChanged();
  }

  async remove(caller: Caller, userName: string): Promise<void> {
    this.#checkUnlocked(userName);
    await this.#inTurn(async () => {
      if (!this.#mappings.has(foldUserName(userName))) {
        const whose = userName === SYSTEM ? 'system' : JSON.stringify(userName.slice(0, 100));
        throw new CommandError(
          'not_found',
          `Cannot delete the sandbox mapping: there is none for ${whose}`,
        );
      }
      const { store, events } = this.#options;
      await Promise.all([
        events.append('sandboxMappingDeleted', { userName, by: caller.userName }),
        store.remove(userName),
      ]);
      this.#mappings.delete(foldUserName(userName));
    });
    this.#options.onChanged();
  }

  get #isLocked(): boolean {
    return this.#options.sandboxDir !== null;
  }

  #system(): SandboxMapping {
    const { sandboxDir } = this.#options;
    if (sandboxDir !== null) return new Map([['', sandboxDir]]);
    return this.#mappings.get(SYSTEM)?.mapping ?? false;
  }

  #systemEntry(): StoredMapping {
    return { userName: SYSTEM, mapping: this.#system() };
  }

  #remember(stored: StoredMapping): void {
    this.#mappings.set(foldUserName(stored.userName), stored);
  }

  #checkUnlocked(userName: string): void {
    if (userName !== SYSTEM || !this.#isLocked) return;
    throw new CommandError(
      'conflict',
      'Cannot change the system sandbox: it is given by --sandbox-dir, expected a server without that option',
    );
  }

  /** Links may lead from two names to one directory; what does not exist yet cannot be compared. */
  async #refuseAliases(mapping: SandboxMapping, owner: string | null): Promise<void> {
    if (mapping === false) return;
    const nameOf = new Map<string, string>();
    for (const [name, root] of mapping) {
      const directory = await this.#canonical(root, owner);
      const other = nameOf.get(directory);
      if (other !== undefined) throw sameRoot(other, name, directory);
      nameOf.set(directory, name);
    }
  }

  async #canonical(root: string, owner: string | null): Promise<string> {
    try {
      const { components } = parseSandboxPath(root);
      const top = formatRootAddress({ owner, directory: '/' });
      return await this.#options.directories.resolveDirectory(top, components);
    } catch (error) {
      if (error instanceof CommandError) return root;
      throw error;
    }
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(change);
    this.#turn = turn;
    return turn;
  }
}
