/**
 * The calls of one connection inside a file agent, made on local roots. Whatever a connection holds
 * is closed with it.
 */
import fs, { type BigIntStats } from 'node:fs';
import { CommandError } from '@jetstream/contract';
import { diskError } from '../disk/disk-error.js';
import { setTimes } from '../disk/file-times.js';
import { LocalRoot } from '../disk/local-root.js';
import type { DirectoryEntry } from '../disk/root-port.js';
import { AGENT_LISTS_MAX, AGENT_NAMES_MAX, AGENT_ROOTS_MAX } from './agent-limits.js';
import { type AgentCall, type AgentNames, agentCallSchema } from './agent-messages.js';

/** Characters of names in one answer, so that every answer fits its message. */
const NAMES_CHARACTERS_MAX = 8_192;

/** A value, and a descriptor that goes along and is closed here afterwards. */
export interface CallResult {
  readonly value: unknown;
  readonly fd: number | null;
}

type Listing = Generator<DirectoryEntry, void, undefined>;
type CallOf<Op extends AgentCall['op']> = Extract<AgentCall, { op: Op }>;

const nothing: CallResult = { value: null, fd: null };
const valueOnly = (value: unknown): CallResult => ({ value, fd: null });
const openFd = (fd: number): CallResult => ({ value: null, fd });

const statusValue = (status: BigIntStats): CallResult => {
  const { dev, ino, mode, nlink, uid, gid, rdev, blksize, size, blocks } = status;
  const { atimeNs, mtimeNs, ctimeNs, birthtimeNs } = status;
  const all = [dev, ino, mode, nlink, uid, gid, rdev, blksize, size, blocks];
  return valueOnly([...all, atimeNs, mtimeNs, ctimeNs, birthtimeNs].map(String));
};

const unusable = (what: string): CommandError =>
  new CommandError('invalid_request', `Cannot work for the account: ${what}`);

/** A message as a call. */
export const parseAgentCall = (message: unknown): AgentCall => {
  const parsed = agentCallSchema.safeParse(message);
  if (parsed.success) return parsed.data;
  throw unusable('the message is no call of a file agent');
};

/** @see the head of this file */
export class AgentCalls {
  readonly #roots = new Map<number, LocalRoot>();
  readonly #lists = new Map<number, Listing>();
  #handles = 0;

  /** Whether nothing is held open. */
  get isIdle(): boolean {
    return this.#roots.size === 0 && this.#lists.size === 0;
  }

  /**
   * Makes a call.
   *
   * @param fd The descriptor that came with it, which stays the caller's.
   * @throws {CommandError} What the disk says.
   */
  make(call: AgentCall, fd: number | null): CallResult {
    switch (call.op) {
      case 'open':
        return this.#keep(() => LocalRoot.open(call.directory, call));
      case 'within':
        return this.#keep(() => this.#root(call.root).within(call.path));
      case 'close':
        this.#root(call.root).close();
        this.#roots.delete(call.root);
        return nothing;
      case 'list':
        return this.#list(call);
      case 'listMore':
        return this.#names(call.list, this.#listing(call.list));
      case 'listEnd':
        this.#listing(call.list).return();
        this.#lists.delete(call.list);
        return nothing;
      case 'setTimes':
      case 'setMode':
      case 'setOwner':
        return setOnFile(call, fd);
      default:
        return onRoot(call, this.#root(call.root), (handle) => this.#root(handle));
    }
  }

  close(): void {
    for (const list of this.#lists.values()) list.return();
    for (const root of this.#roots.values()) root.close();
    this.#lists.clear();
    this.#roots.clear();
  }

  #keep(open: () => LocalRoot): CallResult {
    if (this.#roots.size >= AGENT_ROOTS_MAX) throw unusable('too many directories are open');
    const root = open();
    this.#handles += 1;
    this.#roots.set(this.#handles, root);
    return valueOnly(this.#handles);
  }

  #root(handle: number): LocalRoot {
    const root = this.#roots.get(handle);
    if (root === undefined) throw unusable(`the root ${handle} is not open`);
    return root;
  }

  #listing(handle: number): Listing {
    const list = this.#lists.get(handle);
    if (list === undefined) throw unusable(`the listing ${handle} is not open`);
    return list;
  }

  #list(call: CallOf<'list'>): CallResult {
    if (this.#lists.size >= AGENT_LISTS_MAX) throw unusable('too many listings are open');
    const listing = this.#root(call.root).readDirectory(call.path);
    this.#handles += 1;
    this.#lists.set(this.#handles, listing);
    return this.#names(this.#handles, listing);
  }

  #names(list: number, listing: Listing): CallResult {
    const names: AgentNames['names'] = [];
    let characters = 0;
    try {
      while (names.length < AGENT_NAMES_MAX && characters < NAMES_CHARACTERS_MAX) {
        const next = listing.next();
        if (next.done === true) {
          this.#lists.delete(list);
          return valueOnly({ list, isLast: true, names } satisfies AgentNames);
        }
        names.push([next.value.name, next.value.kind]);
        characters += next.value.name.length;
      }
    } catch (error) {
      this.#lists.delete(list);
      throw error;
    }
    return valueOnly({ list, isLast: false, names } satisfies AgentNames);
  }
}

const setOnFile = (
  call: CallOf<'setTimes' | 'setMode' | 'setOwner'>,
  fd: number | null,
): CallResult => {
  if (fd === null) throw unusable(`"${call.op}" needs an open file`);
  try {
    switch (call.op) {
      case 'setTimes':
        setTimes(fd, call.mtimeus);
        break;
      case 'setMode':
        fs.fchmodSync(fd, call.mode);
        break;
      case 'setOwner':
        fs.fchownSync(fd, call.uid, call.gid);
        break;
    }
  } catch (error) {
    throw diskError('change', '/', error);
  }
  return nothing;
};

type RootCall = Exclude<
  AgentCall,
  CallOf<
    | 'open'
    | 'within'
    | 'close'
    | 'list'
    | 'listMore'
    | 'listEnd'
    | 'setTimes'
    | 'setMode'
    | 'setOwner'
  >
>;

/** Calls on one root that leave nothing open here. */
const onRoot = (
  call: RootCall,
  root: LocalRoot,
  other: (handle: number) => LocalRoot,
): CallResult => {
  switch (call.op) {
    case 'openFile':
      return openFd(root.openFile(call.path, call.flags, call.mode));
    case 'openDirectory':
      return openFd(root.openDirectory(call.path));
    case 'lstat':
      return statusValue(root.lstat(call.path));
    case 'stat':
      return statusValue(root.stat(call.path));
    case 'accessible':
      return valueOnly(root.accessible(call.path, call.mode));
    case 'makeDirectories':
      return valueOnly(root.makeDirectories(call.path, call.mode));
    case 'readLink':
      return valueOnly(root.readLink(call.path));
    case 'liesBelow':
      return valueOnly(root.liesBelow({ dev: BigInt(call.dev), ino: BigInt(call.ino) }));
    default:
      change(call, root, other);
      return nothing;
  }
};

type ChangeCall = CallOf<
  | 'makeDirectory'
  | 'makeLink'
  | 'rename'
  | 'renameNoReplace'
  | 'moveEntry'
  | 'link'
  | 'unlink'
  | 'rmdir'
>;

const change = (call: ChangeCall, root: LocalRoot, other: (handle: number) => LocalRoot): void => {
  switch (call.op) {
    case 'makeDirectory':
      root.makeDirectory(call.path, call.mode);
      break;
    case 'makeLink':
      root.makeLink(call.path, call.content);
      break;
    case 'rename':
      root.rename(call.path, call.to);
      break;
    case 'renameNoReplace':
      root.renameNoReplace(call.path, call.to);
      break;
    case 'moveEntry':
      root.moveEntry(call.name, other(call.target), call.targetName);
      break;
    case 'link':
      root.link(call.path, call.to);
      break;
    case 'unlink':
      root.unlink(call.path);
      break;
    case 'rmdir':
      root.rmdir(call.path);
      break;
  }
};
