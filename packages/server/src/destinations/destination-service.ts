/**
 * Destinations: receiving servers that a user sends to. There are few, so all are in memory; the
 * store follows. Two users never share one, for it may hold a token.
 *
 * The identity key of a receiver is pinned at the first contact, unless the user has named it. From
 * then on nobody else can answer in its place.
 */
import {
  CommandError,
  type ConnectionStructure,
  DEFAULT_RECV_PORT,
  type DestinationStructure,
  MIN_CIPHER_ENCRYPTED_128,
  MIN_CIPHER_NONE,
  type Params,
} from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { PeerFacts, SendProgress } from '../data/data-plane.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { LINK_LIMITS } from '../links/limits.js';
import { parsePublicKey } from '../receive/public-key.js';
import {
  type Caller,
  mayAccess,
  type Ownership,
  ownershipOf,
  ownershipPart,
} from '../sessions/caller.js';
import { LIST_MAX } from '../transfers/owner-filter.js';
import { checkRate } from '../transfers/send-rate.js';
import type { UserDataKeeper } from '../user-data/user-data-service.js';
import { connectionIdOf, connectionStructureOf } from './connection.js';
import { formatEndpoint, parseAddress } from './destination-address.js';
import { type DestinationEntry, destinationStructureOf, entryOf } from './destination-entry.js';
import type { DestinationRecord, DestinationStore } from './destination-store.js';

/** Most destinations of a server. */
export const DESTINATIONS_MAX = 10_000;

export interface DestinationServiceOptions {
  readonly store: DestinationStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether transfers without encryption may be asked for. */
  readonly allowNoCipher: boolean;
  /** False forgets destinations at the start. */
  readonly isPersistent: boolean;
  /** Whether an unfinished transfer goes to this destination. */
  readonly isInUse: (destinationId: string) => boolean;
  /** Transfers that wait for their turn. */
  readonly queuedCount: (destinationId: string) => number;
  /** Called when ceiling, policy or token have changed. */
  readonly onChanged: (destinationId: string) => void;
}

/** What a user decides about a destination. */
type Wanted = Pick<
  DestinationRecord,
  | 'address'
  | 'port'
  | 'controlPort'
  | 'permittedPublicKey'
  | 'token'
  | 'sendRateMax'
  | 'rateControlMethod'
  | 'minCipher'
> &
  Ownership;

const matches = (record: DestinationRecord, wanted: Wanted): boolean =>
  (Object.keys(wanted) as (keyof Wanted)[]).every((key) => record[key] === wanted[key]);

/** @see the head of this file */
export class DestinationService {
  readonly #options: DestinationServiceOptions;
  readonly #entries = new Map<string, DestinationEntry>();

  constructor(options: DestinationServiceOptions) {
    this.#options = options;
  }

  /** Loads what earlier runs of the server have kept, or forgets it. */
  async start(): Promise<void> {
    if (!this.#options.isPersistent) await this.#options.store.clear();
    for (const record of await this.#options.store.all()) {
      this.#entries.set(record.id, entryOf(record, Promise.resolve()));
    }
  }

  async create(
    caller: Caller,
    params: Params<'send.createDestination'>,
  ): Promise<DestinationStructure> {
    const wanted = this.#parse(caller, params);
    const known = [...this.#entries.values()].find(
      (entry) => !entry.deleting && matches(entry.record, wanted),
    );
    if (known !== undefined) {
      await known.saved;
      return this.#structureOf(known);
    }
    // Others must not wait here: two equal calls at once give one destination.
    if (caller.token?.manifestId !== undefined) await this.#makeRoom(caller);
    if (this.#entries.size >= DESTINATIONS_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot add a destination: there are ${this.#entries.size}, expected fewer`,
      );
    }
    const { store, events, clock } = this.#options;
    const record: DestinationRecord = {
      ...wanted,
      id: this.#freeId(wanted),
      publicKey: wanted.permittedPublicKey,
      creationTimeUs: clock.nowUs(),
      ip: null,
      lastServerId: null,
      lastServerUid: null,
      lastErrorUs: null,
      lastErrorMessage: null,
      lastRecvTimeUs: null,
      lastSendTimeUs: null,
      userData: {},
    };
    const facts = { destinationId: record.id, ...ownedBy(record) };
    const saved = Promise.all([events.append('destinationCreated', facts), store.insert(record)]);
    const entry = entryOf(
      record,
      saved.then(() => {}),
    );
    this.#entries.set(record.id, entry);
    try {
      await entry.saved;
    } catch (error) {
      this.#entries.delete(record.id);
      throw error;
    }
    return this.#structureOf(entry);
  }

  /** People with a link leave their destinations behind: the oldest makes room for a new one. */
  async #makeRoom(caller: Caller): Promise<void> {
    const { token } = caller;
    if (token?.manifestId === undefined) return;
    const own = [...this.#entries.values()].filter(
      ({ record, deleting }) => !deleting && record.ownerToken === token.id,
    );
    if (own.length < LINK_LIMITS.destinationsPerLinkMax) return;
    const oldest = own.find(({ record }) => !this.#options.isInUse(record.id));
    if (oldest === undefined) {
      throw new CommandError(
        'too_many_requests',
        `Cannot add a destination: this link has ${own.length} that are in use, expected fewer`,
      );
    }
    await this.#remove(oldest, null);
  }

  get(caller: Caller, destinationId: string): DestinationStructure {
    return this.#structureOf(this.#find(caller, destinationId));
  }

  list(caller: Caller, params: Params<'send.getDestinations'>): DestinationStructure[] {
    const offset = params.offset ?? 0;
    return this.#visible(caller)
      .slice(offset, offset + (params.limit ?? LIST_MAX))
      .map((entry) => this.#structureOf(entry));
  }

  /** Changes what a user decides about it; running transfers follow. */
  async update(
    caller: Caller,
    params: Params<'send.updateDestination'>,
  ): Promise<DestinationStructure> {
    const entry = this.#find(caller, params.destinationId);
    const { record } = entry;
    const token = params.destinationToken ?? null;
    const change = {
      sendRateMax: params.sendRateMax === 0 ? null : (params.sendRateMax ?? record.sendRateMax),
      rateControlMethod: params.rateControlMethod ?? record.rateControlMethod,
      token: token === '' ? null : (token ?? record.token),
    };
    checkRate({ ownMax: null, policy: change.rateControlMethod, destination: change });
    const { sendRateMax, rateControlMethod } = change;
    const facts = { destinationId: record.id, sendRateMax, rateControlMethod };
    await Promise.all([
      this.#options.events.append('destinationChanged', {
        ...facts,
        by: caller.userName,
        ...ownedBy(record),
      }),
      this.#amend(entry, change),
    ]);
    this.#options.onChanged(record.id);
    return this.#structureOf(entry);
  }

  /** The way to one address and port. @throws {CommandError} `not_found` */
  connection(caller: Caller, connectionId: string): ConnectionStructure {
    const found = this.#visible(caller).filter((entry) => connectionIdOf(entry) === connectionId);
    if (found.length > 0) return connectionStructureOf(found, this.#options.queuedCount);
    const shown = JSON.stringify(connectionId.slice(0, 300));
    throw new CommandError('not_found', `Cannot find connection ${shown}`, {
      details: { connectionId },
    });
  }

  connections(caller: Caller, params: Params<'send.getConnections'>): ConnectionStructure[] {
    const ways = new Map<string, DestinationEntry[]>();
    for (const entry of this.#visible(caller)) {
      const id = connectionIdOf(entry);
      ways.set(id, [...(ways.get(id) ?? []), entry]);
    }
    const offset = params.offset ?? 0;
    return [...ways.values()]
      .slice(offset, offset + (params.limit ?? LIST_MAX))
      .map((entries) => connectionStructureOf(entries, this.#options.queuedCount));
  }

  /** Keeps the user data of destinations. */
  get userData(): UserDataKeeper {
    return {
      edit: async (caller, destinationId, edit) => {
        const entry = this.#find(caller, destinationId);
        const userData = edit(entry.record.userData);
        await this.#amend(entry, { userData });
        return { userData, ownership: ownershipPart(entry.record) };
      },
    };
  }

  async remove(caller: Caller, destinationId: string): Promise<null> {
    const entry = this.#find(caller, destinationId);
    if (this.#options.isInUse(destinationId)) {
      throw new CommandError(
        'conflict',
        `Cannot delete destination "${destinationId}": a transfer that has not ended uses it`,
      );
    }
    await this.#remove(entry, caller.userName);
    return null;
  }

  async #remove(entry: DestinationEntry, by: string | null): Promise<void> {
    const { store, events } = this.#options;
    const destinationId = entry.record.id;
    entry.deleting = true;
    try {
      await entry.saved;
      await Promise.all([
        events.append('destinationDeleted', { destinationId, by, ...ownedBy(entry.record) }),
        store.remove(destinationId),
      ]);
      this.#entries.delete(destinationId);
    } finally {
      entry.deleting = false;
    }
  }

  /**
   * A destination that a caller may see.
   *
   * @throws {CommandError} `not_found`, also when it is there and the caller may not see it.
   */
  find(caller: Caller, destinationId: string): DestinationRecord {
    return this.#find(caller, destinationId).record;
  }

  /** Key that a destination of the caller at an address has shown; null when there is none. */
  knownKey(caller: Caller, address: string): string | null {
    const host = parseAddress(address);
    const found = this.#visible(caller).find(
      ({ record }) => record.publicKey !== null && [record.address, record.ip].includes(host),
    );
    return found?.record.publicKey ?? null;
  }

  /** A destination by id, for the server's own use; null when it is gone. */
  record(destinationId: string): DestinationRecord | null {
    return this.#entries.get(destinationId)?.record ?? null;
  }

  /** An attempt to reach the receiver begins. */
  attemptStarted(destinationId: string, transferId: string): void {
    const live = this.#entries.get(destinationId)?.live;
    if (live === undefined) return;
    live.rates.set(transferId, 0);
    if (live.state === 'disconnected') live.state = 'negotiating';
  }

  /**
   * The receiver has answered and proved its key. Pins the key at first contact.
   *
   * @returns False when another key is pinned: this is not the receiver that is meant.
   */
  peerSeen(destinationId: string, peer: PeerFacts): boolean {
    const entry = this.#entries.get(destinationId);
    if (entry === undefined) return false;
    const pinned = entry.record.publicKey;
    if (pinned !== null && pinned !== peer.publicKey) return false;
    entry.live.state = 'connected';
    const nowUs = this.#options.clock.nowUs();
    this.#change(entry, {
      publicKey: peer.publicKey,
      ip: peer.address,
      lastServerId: peer.serverId,
      lastServerUid: peer.serverUid,
      lastRecvTimeUs: nowUs,
    });
    if (pinned === null) {
      const facts = {
        destinationId,
        destinationPublicKey: peer.publicKey,
        ...ownedBy(entry.record),
      };
      this.#options.events.append('destinationUpdated', facts).catch((error: unknown) => {
        this.#options.log.error({ destinationId, err: error }, 'cannot log an event');
      });
    }
    return true;
  }

  /** A running transfer tells how it goes; cheap, nothing is written. */
  progress(destinationId: string, transferId: string, progress: SendProgress): void {
    const entry = this.#entries.get(destinationId);
    if (entry === undefined) return;
    const nowUs = this.#options.clock.nowUs();
    entry.live.rates.set(transferId, progress.sendRateKbps);
    entry.live.roundTripTimeMs = progress.roundTripTimeMs ?? entry.live.roundTripTimeMs;
    entry.record = { ...entry.record, lastSendTimeUs: nowUs, lastRecvTimeUs: nowUs };
  }

  /** An attempt has ended; `error` is null when it ended well. */
  attemptEnded(destinationId: string, transferId: string, error: string | null): void {
    const entry = this.#entries.get(destinationId);
    if (entry === undefined) return;
    entry.live.rates.delete(transferId);
    if (entry.live.rates.size === 0) entry.live.state = 'disconnected';
    const lastErrorUs = this.#options.clock.nowUs();
    this.#change(entry, error === null ? {} : { lastErrorUs, lastErrorMessage: error });
  }

  #parse(caller: Caller, params: Params<'send.createDestination'>): Wanted {
    const minCipher = params.minCipher ?? MIN_CIPHER_ENCRYPTED_128;
    this.checkCipher(minCipher);
    const key = params.destinationPublicKey ?? null;
    const sendRateMax = params.sendRateMax ?? null;
    const policy = params.rateControlMethod ?? 'fair';
    checkRate({ ownMax: null, policy, destination: { sendRateMax } });
    return {
      ...ownershipOf(caller),
      address: parseAddress(params.destinationAddress),
      port: params.destinationPort ?? DEFAULT_RECV_PORT,
      controlPort: params.destinationControlPort ?? null,
      permittedPublicKey: key === null ? null : parsePublicKey(key, 'destinationPublicKey'),
      token: params.destinationToken ?? null,
      sendRateMax,
      rateControlMethod: policy,
      minCipher,
    };
  }

  /**
   * Refuses a least cipher that this server does not allow.
   *
   * @throws {CommandError} `permission_denied`
   */
  checkCipher(minCipher: number): void {
    if (minCipher !== MIN_CIPHER_NONE || this.#options.allowNoCipher) return;
    throw new CommandError(
      'permission_denied',
      'Cannot use "minCipher" 0: this server runs without --allow-no-cipher, expected 1 to 3',
      { details: { parameter: 'minCipher', actual: minCipher } },
    );
  }

  #visible(caller: Caller): DestinationEntry[] {
    return [...this.#entries.values()].filter(
      (entry) => !entry.deleting && mayAccess(caller, entry.record),
    );
  }

  /** Changes a record by the wish of a user; resolves when that is durable. */
  async #amend(entry: DestinationEntry, change: Partial<DestinationRecord>): Promise<void> {
    await entry.saved;
    entry.record = { ...entry.record, ...change };
    entry.saved = this.#options.store.update(entry.record);
    await entry.saved;
  }

  #freeId(wanted: Wanted): string {
    const base = formatEndpoint(wanted.address, wanted.port);
    for (let number = 1; ; number += 1) {
      const id = number === 1 ? base : `${base}#${number}`;
      if (!this.#entries.has(id)) return id;
    }
  }

  #find(caller: Caller, destinationId: string): DestinationEntry {
    const entry = this.#entries.get(destinationId);
    if (entry !== undefined && !entry.deleting && mayAccess(caller, entry.record)) return entry;
    const shown = JSON.stringify(destinationId.slice(0, 300));
    throw new CommandError('not_found', `Cannot find destination ${shown}`, {
      details: { destinationId },
    });
  }

  #change(entry: DestinationEntry, change: Partial<DestinationRecord>): void {
    entry.record = { ...entry.record, ...change };
    this.#options.store.update(entry.record).catch((error: unknown) => {
      const destinationId = entry.record.id;
      this.#options.log.error({ destinationId, err: error }, 'cannot save a destination');
    });
  }

  #structureOf(entry: DestinationEntry): DestinationStructure {
    return destinationStructureOf(entry, this.#options.queuedCount(entry.record.id));
  }
}
