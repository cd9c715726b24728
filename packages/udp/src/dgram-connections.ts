import { CONNECTIONS_MAX, type PeerAddress } from '@jetstream/transport';
import { KeyRing } from './dgram-aead.js';

/** What a dgram PacketIO knows of one connection. */
export interface DgramConnection {
  readonly localId: number;
  readonly remoteId: number;
  /** Address in the socket's own family. */
  peer: PeerAddress;
  readonly send: KeyRing;
  readonly receive: KeyRing;
}

/** Connections by handle and by the id that incoming packets carry. */
export class DgramConnections {
  readonly #byHandle: (DgramConnection | undefined)[] = [];
  readonly #handleByLocalId = new Map<number, number>();
  readonly #keyEpochShift: number;
  #nextHandle = 0;

  constructor(keyEpochShift: number) {
    this.#keyEpochShift = keyEpochShift;
  }

  /** @throws {Error} If `localId` is taken or no handle is free. */
  open(localId: number, remoteId: number, peer: PeerAddress): number {
    if (this.#handleByLocalId.has(localId)) {
      throw new Error('Cannot open a connection: the local connection id is taken');
    }
    if (this.#handleByLocalId.size >= CONNECTIONS_MAX) {
      throw new Error('Cannot open a connection: no connection handle is free');
    }
    // Handles go round, so that one just closed is not soon mistaken for another connection.
    while (this.#byHandle[this.#nextHandle] !== undefined) this.#advance();
    const handle = this.#nextHandle;
    this.#advance();
    this.#byHandle[handle] = {
      localId,
      remoteId,
      peer,
      send: new KeyRing(this.#keyEpochShift),
      receive: new KeyRing(this.#keyEpochShift),
    };
    this.#handleByLocalId.set(localId, handle);
    return handle;
  }

  /** @throws {Error} If the handle is not open. */
  get(handle: number): DgramConnection {
    const connection = this.#byHandle[handle];
    if (connection === undefined) throw new Error('Cannot use the connection: it is not open');
    return connection;
  }

  handleOf(localId: number): number | undefined {
    return this.#handleByLocalId.get(localId);
  }

  /** Forgets a connection and wipes its keys. */
  close(handle: number): void {
    const connection = this.get(handle);
    connection.send.wipe();
    connection.receive.wipe();
    this.#handleByLocalId.delete(connection.localId);
    this.#byHandle[handle] = undefined;
  }

  closeAll(): void {
    for (const handle of this.#handleByLocalId.values()) this.close(handle);
  }

  #advance(): void {
    this.#nextHandle = (this.#nextHandle + 1) % CONNECTIONS_MAX;
  }
}
