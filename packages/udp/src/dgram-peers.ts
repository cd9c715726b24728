import { BATCH_PACKETS_MAX, type PeerAddress } from '@jetstream/transport';

/** More than one batch can name, so that one receive call never runs out of entries. */
const PEERS_MAX = BATCH_PACKETS_MAX * 2;

/** Small numbers for recent source addresses; the twin of native/peer-table.h. */
export class DgramPeers {
  readonly #addresses: PeerAddress[] = [];
  readonly #texts: string[] = [];
  readonly #rounds: number[] = [];
  readonly #handleByText = new Map<string, number>();
  #last = -1;
  #hand = 0;
  #round = 0;

  /** Starts a receive call: handles given from here to the next begin stay valid that long. */
  begin(): void {
    this.#round++;
  }

  handle(source: PeerAddress): number {
    // A sender mostly follows itself.
    const last = this.#addresses[this.#last];
    if (last === undefined || last.address !== source.address || last.port !== source.port) {
      this.#last = this.#find(source);
    }
    this.#rounds[this.#last] = this.#round;
    return this.#last;
  }

  address(handle: number): PeerAddress | undefined {
    return this.#addresses[handle];
  }

  #find(source: PeerAddress): number {
    const text = `${source.address} ${source.port}`;
    const known = this.#handleByText.get(text);
    if (known !== undefined) return known;
    let handle = this.#addresses.length;
    if (handle >= PEERS_MAX) {
      while (this.#rounds[this.#hand] === this.#round) this.#hand = (this.#hand + 1) % PEERS_MAX;
      handle = this.#hand;
      this.#hand = (this.#hand + 1) % PEERS_MAX;
      this.#handleByText.delete(this.#texts[handle] ?? '');
    }
    this.#addresses[handle] = { address: source.address, port: source.port };
    this.#texts[handle] = text;
    this.#handleByText.set(text, handle);
    return handle;
  }
}
