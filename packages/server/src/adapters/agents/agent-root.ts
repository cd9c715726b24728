/**
 * A confined root whose calls the file agent of its owner makes. Files come back as descriptors, so
 * content never passes through the agent.
 */
import fs, { type BigIntStats } from 'node:fs';
import { z } from 'zod';
import { errnoOf } from '../disk/disk-error.js';
import { checkNames } from '../disk/path-argument.js';
import type {
  Components,
  ConfinedRoot,
  ConfinedRootOptions,
  DirectoryEntry,
  FileOwner,
  Identity,
} from '../disk/root-port.js';
import { type AgentChannel, agentUnavailable } from './agent-channel.js';
import { type AgentCall, type AgentNames, namesSchema } from './agent-messages.js';
import type { AgentClient } from './agent-pool.js';
import { statusOf } from './agent-status.js';

const handleOf = (value: unknown): number => expected(z.int().min(1), value);

const expected = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw agentUnavailable('the file agent answers nonsense');
};

interface Parts {
  readonly client: AgentClient;
  readonly channel: AgentChannel;
  readonly handle: number;
}

/** @see the head of this file */
export class AgentRoot implements ConfinedRoot {
  readonly userId: number;
  readonly #client: AgentClient;
  readonly #channel: AgentChannel;
  readonly #root: number;

  private constructor({ client, channel, handle }: Parts) {
    this.#client = client;
    this.#channel = channel;
    this.#root = handle;
    this.userId = channel.userId;
  }

  /** @see ConfinedRoot.open */
  static open(client: AgentClient, directory: string, options: ConfinedRootOptions): AgentRoot {
    const directoriesMax = options.directoriesMax ?? 0;
    const { channel, value } = client.begin({ op: 'open', directory, directoriesMax });
    return new AgentRoot({ client, channel, handle: handleOf(value) });
  }

  within(path: Components): AgentRoot {
    const handle = handleOf(this.#ask({ op: 'within', ...this.#at(path) }));
    return new AgentRoot({ client: this.#client, channel: this.#channel, handle });
  }

  openFile(path: Components, flags: number, mode = 0): number {
    return this.#descriptor({ op: 'openFile', ...this.#at(path), flags, mode });
  }

  openDirectory(path: Components): number {
    return this.#descriptor({ op: 'openDirectory', ...this.#at(path) });
  }

  lstat(path: Components): BigIntStats {
    return statusOf(this.#ask({ op: 'lstat', ...this.#at(path) }));
  }

  stat(path: Components): BigIntStats {
    return statusOf(this.#ask({ op: 'stat', ...this.#at(path) }));
  }

  exists(path: Components): boolean {
    try {
      this.lstat(path);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
      throw error;
    }
  }

  accessible(path: Components, mode: number): boolean {
    return expected(z.boolean(), this.#ask({ op: 'accessible', ...this.#at(path), mode }));
  }

  makeDirectory(path: Components, mode = 0o777): void {
    this.#ask({ op: 'makeDirectory', ...this.#at(path), mode });
  }

  makeDirectories(path: Components, mode = 0o777): number {
    const made = this.#ask({ op: 'makeDirectories', ...this.#at(path), mode });
    return expected(z.int().min(0).max(path.length), made);
  }

  *readDirectory(path: Components): Generator<DirectoryEntry, void, undefined> {
    let part = this.#names({ op: 'list', ...this.#at(path) });
    const { list } = part;
    try {
      for (;;) {
        for (const [name, kind] of part.names) {
          // What comes from the agent is used in paths again.
          checkNames([name]);
          yield { name, kind };
        }
        if (part.isLast) return;
        part = this.#names({ op: 'listMore', list });
      }
    } finally {
      if (!part.isLast) this.#channel.tell({ op: 'listEnd', list });
    }
  }

  readLink(path: Components): string {
    return expected(z.string().max(4096), this.#ask({ op: 'readLink', ...this.#at(path) }));
  }

  makeLink(path: Components, content: string): void {
    this.#ask({ op: 'makeLink', ...this.#at(path), content });
  }

  rename(path: Components, to: Components): void {
    this.#ask({ op: 'rename', ...this.#at(path), to: [...to] });
  }

  renameNoReplace(path: Components, to: Components): void {
    this.#ask({ op: 'renameNoReplace', ...this.#at(path), to: [...to] });
  }

  moveEntry(name: string, target: ConfinedRoot, targetName: string): void {
    if (!(target instanceof AgentRoot) || target.#channel !== this.#channel) {
      throw agentUnavailable('both directories belong to different connections');
    }
    this.#ask({ op: 'moveEntry', root: this.#root, name, target: target.#root, targetName });
  }

  link(path: Components, to: Components): void {
    this.#ask({ op: 'link', ...this.#at(path), to: [...to] });
  }

  unlink(path: Components): void {
    this.#ask({ op: 'unlink', ...this.#at(path) });
  }

  rmdir(path: Components): void {
    this.#ask({ op: 'rmdir', ...this.#at(path) });
  }

  liesBelow({ dev, ino }: Identity): boolean {
    const call = { op: 'liesBelow', root: this.#root, dev: String(dev), ino: String(ino) } as const;
    return expected(z.boolean(), this.#ask(call));
  }

  setTimes(fd: number, mtimeus: number): void {
    this.#ask({ op: 'setTimes', mtimeus }, fd);
  }

  setMode(fd: number, mode: number): void {
    this.#ask({ op: 'setMode', mode }, fd);
  }

  setOwner(fd: number, { uid, gid }: FileOwner): void {
    this.#ask({ op: 'setOwner', uid, gid }, fd);
  }

  close(): void {
    this.#channel.tell({ op: 'close', root: this.#root });
  }

  #at(path: Components): { root: number; path: string[] } {
    return { root: this.#root, path: [...path] };
  }

  #ask(call: AgentCall, fd: number | null = null): unknown {
    const answer = this.#call(call, fd);
    // No call that is asked by this brings a descriptor.
    if (answer.fd !== null) fs.closeSync(answer.fd);
    return answer.value;
  }

  #names(call: AgentCall): AgentNames {
    return expected(namesSchema, this.#ask(call));
  }

  #descriptor(call: AgentCall): number {
    const { fd } = this.#call(call, null);
    if (fd === null) throw agentUnavailable('the file agent answers without a file');
    return fd;
  }

  #call(call: AgentCall, fd: number | null) {
    try {
      return this.#channel.call(call, fd);
    } catch (error) {
      this.#client.noteFailure(this.#channel);
      throw error;
    }
  }
}
