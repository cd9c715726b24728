/**
 * All paths of a transfer and the directories they imply, in flat arrays: finds entries that would
 * meet in one place. The hash is seeded, and a chain that grows too long is a refusal, so that chosen
 * names cannot make it slow.
 */
const FILE = 1;
const IMPLIED_DIRECTORY = 2;
const DIRECTORY = 3;
const SLASH = 0x2f;
const PROBES_MAX = 2000;

/** What speaks against a path. */
export type PathFault =
  | 'it is there twice'
  | 'a file lies where a directory is needed'
  | 'too alike';

const mix = (hash: number, byte: number): number => {
  const mixed = Math.imul(hash ^ byte, 0x01000193);
  return mixed ^ (mixed >>> 15);
};

/** @see the head of this file */
export class PathIndex {
  readonly #seed: number;
  #pool = new Uint8Array(64 * 1024);
  #poolLength = 0;
  #count = 0;
  /** Node number + 1 by hash; 0 is free. */
  #slots = new Uint32Array(4096);
  #hashes = new Uint32Array(2048);
  #offsets = new Uint32Array(2048);
  #lengths = new Uint16Array(2048);
  #kinds = new Uint8Array(2048);
  /** Where the directory of the path before lies in the pool: its ancestors are known. */
  #lastDirectory = { offset: 0, length: 0 };

  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  /** Takes a canonical path, or says what speaks against it; then it is not taken. */
  add(path: Uint8Array, isDirectory: boolean): PathFault | null {
    const offset = this.#store(path);
    const directoryLength = path.lastIndexOf(SLASH);
    if (directoryLength > 0 && !this.#isLastDirectory(path, directoryLength)) {
      const fault = this.#addAncestors(offset, directoryLength);
      if (fault !== null) return fault;
      this.#lastDirectory = { offset, length: directoryLength };
    }
    const hash = this.#hash(offset, path.length);
    const slot = this.#find(hash, offset, path.length);
    if (slot < 0) return 'too alike';
    const node = (this.#slots[slot] as number) - 1;
    if (node < 0) {
      this.#insert(slot, { hash, offset, length: path.length }, isDirectory ? DIRECTORY : FILE);
      return null;
    }
    if (this.#kinds[node] === IMPLIED_DIRECTORY && isDirectory) {
      this.#kinds[node] = DIRECTORY;
      return null;
    }
    const isSameKind = (this.#kinds[node] === FILE) !== isDirectory;
    return isSameKind ? 'it is there twice' : 'a file lies where a directory is needed';
  }

  #addAncestors(offset: number, directoryLength: number): PathFault | null {
    let hash = this.#seed;
    for (let length = 0; length <= directoryLength; length += 1) {
      const byte = this.#pool[offset + length] as number;
      if (length > 0 && byte === SLASH) {
        const slot = this.#find(hash >>> 0, offset, length);
        if (slot < 0) return 'too alike';
        const node = (this.#slots[slot] as number) - 1;
        if (node < 0) {
          this.#insert(slot, { hash: hash >>> 0, offset, length }, IMPLIED_DIRECTORY);
        } else if (this.#kinds[node] === FILE) {
          return 'a file lies where a directory is needed';
        }
      }
      hash = mix(hash, byte);
    }
    return null;
  }

  #isLastDirectory(path: Uint8Array, length: number): boolean {
    const last = this.#lastDirectory;
    if (last.length !== length) return false;
    for (let at = length - 1; at >= 0; at -= 1) {
      if (this.#pool[last.offset + at] !== path[at]) return false;
    }
    return true;
  }

  #store(path: Uint8Array): number {
    const offset = this.#poolLength;
    if (offset + path.length > this.#pool.length) {
      const pool = new Uint8Array(Math.max(offset + path.length, this.#pool.length * 2));
      pool.set(this.#pool);
      this.#pool = pool;
    }
    this.#pool.set(path, offset);
    this.#poolLength = offset + path.length;
    return offset;
  }

  #hash(offset: number, length: number): number {
    let hash = this.#seed;
    for (let at = offset; at < offset + length; at += 1) {
      hash = mix(hash, this.#pool[at] as number);
    }
    return hash >>> 0;
  }

  /** Slot of an equal path, or the free one where it belongs; -1 after too many probes. */
  #find(hash: number, offset: number, length: number): number {
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < PROBES_MAX; probe += 1) {
      const slot = (hash + probe) & mask;
      const node = (this.#slots[slot] as number) - 1;
      if (node < 0 || (this.#hashes[node] === hash && this.#equals(node, offset, length))) {
        return slot;
      }
    }
    return -1;
  }

  #equals(node: number, offset: number, length: number): boolean {
    if (this.#lengths[node] !== length) return false;
    const other = this.#offsets[node] as number;
    for (let at = 0; at < length; at += 1) {
      if (this.#pool[other + at] !== this.#pool[offset + at]) return false;
    }
    return true;
  }

  #insert(
    slot: number,
    place: { hash: number; offset: number; length: number },
    kind: number,
  ): void {
    const node = this.#count;
    if (node === this.#hashes.length) this.#growNodes();
    this.#hashes[node] = place.hash;
    this.#offsets[node] = place.offset;
    this.#lengths[node] = place.length;
    this.#kinds[node] = kind;
    this.#slots[slot] = node + 1;
    this.#count = node + 1;
    if (this.#count * 2 > this.#slots.length) this.#growSlots();
  }

  #growNodes(): void {
    const grow = <A extends Uint8Array | Uint16Array | Uint32Array>(old: A, made: A): A => {
      made.set(old);
      return made;
    };
    const size = this.#hashes.length * 2;
    this.#hashes = grow(this.#hashes, new Uint32Array(size));
    this.#offsets = grow(this.#offsets, new Uint32Array(size));
    this.#lengths = grow(this.#lengths, new Uint16Array(size));
    this.#kinds = grow(this.#kinds, new Uint8Array(size));
  }

  #growSlots(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let node = 0; node < this.#count; node += 1) {
      let slot = (this.#hashes[node] as number) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = node + 1;
    }
  }
}
