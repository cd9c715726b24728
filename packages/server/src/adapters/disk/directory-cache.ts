import fs from 'node:fs';

/** Open directory descriptors by key, least recently used first; closes what it lets go. */
export class DirectoryCache {
  readonly capacity: number;
  readonly #fds = new Map<string, number>();

  constructor(capacity: number) {
    // A rename holds two at a time; the second must not push out the first.
    this.capacity = capacity === 0 ? 0 : Math.max(capacity, 2);
  }

  get(key: string): number | undefined {
    const fd = this.#fds.get(key);
    if (fd === undefined) return undefined;
    this.#fds.delete(key);
    this.#fds.set(key, fd);
    return fd;
  }

  /** Takes over the descriptor and returns it. */
  add(key: string, fd: number): number {
    for (const oldest of this.#fds.keys()) {
      if (this.#fds.size < this.capacity) break;
      this.drop(oldest);
    }
    this.#fds.set(key, fd);
    return fd;
  }

  drop(key: string): void {
    const fd = this.#fds.get(key);
    if (fd === undefined) return;
    this.#fds.delete(key);
    fs.closeSync(fd);
  }

  clear(): void {
    for (const key of [...this.#fds.keys()]) this.drop(key);
  }
}
