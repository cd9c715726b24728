/**
 * Downloads by browsers: how many at once, which of them count, and what the event log hears.
 *
 * A download counts when it begins: a file or an archive that is taken from its first byte. It does
 * not count again when it is gone on with within a day: by the same browser, which has a cookie, or
 * from the same address by a client without one. In that day the same browser may take each of the
 * files, and start again with one that it has not received in full; what it takes once more after it
 * had all of it counts anew. Whoever keeps no cookies counts with each file.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../../adapters/clock/clock.js';
import type { Logger } from '../../adapters/log/logger.js';
import { ownedBy } from '../../events/event-fields.js';
import type { EventLog } from '../../events/event-log.js';
import { clientNetwork } from '../../sessions/client-network.js';
import { LINK_LIMITS } from '../limits.js';
import type { LinkStore, RedemptionOutcome, StoredLink } from '../link-store.js';
import { hashRedemptionKey } from './cookies.js';

export interface DownloadDeskOptions {
  readonly store: Pick<LinkStore, 'isRedeeming' | 'redeem'>;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One download that somebody asks for. */
export interface DownloadOrder {
  readonly link: StoredLink;
  readonly kind: 'file' | 'archive';
  readonly destPath: string | null;
  /** Names the browser; a new one for a client without cookies. */
  readonly key: string;
  readonly address: string;
  readonly takes: 'rest' | 'whole';
  readonly bytes: number;
  /** Whether the last of these bytes is the last of all. */
  readonly reachesEnd: boolean;
}

/** A place among the downloads at once. */
export interface DownloadPlace {
  /** Gives the place back; once is enough. */
  leave(): void;
}

const itemOf = ({ link, key, kind, destPath }: DownloadOrder): string =>
  `${link.id}\0${key}\0${kind}\0${destPath ?? ''}`;

/** @see the head of this file */
export class DownloadDesk {
  readonly #options: DownloadDeskOptions;
  readonly #byNetwork = new Map<string, number>();
  /** What browsers have received in full, oldest first. */
  readonly #received = new Set<string>();
  #count = 0;

  constructor(options: DownloadDeskOptions) {
    this.#options = options;
  }

  /** A place for one more download; null when there is none. */
  enter(address: string): DownloadPlace | null {
    const network = clientNetwork(address);
    const here = this.#byNetwork.get(network) ?? 0;
    const { downloadsMax, downloadsPerAddressMax } = LINK_LIMITS;
    if (this.#count >= downloadsMax || here >= downloadsPerAddressMax) return null;
    this.#count += 1;
    this.#byNetwork.set(network, here + 1);
    let isHeld = true;
    return {
      leave: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#count -= 1;
        const left = (this.#byNetwork.get(network) ?? 1) - 1;
        if (left > 0) this.#byNetwork.set(network, left);
        else this.#byNetwork.delete(network);
      },
    };
  }

  /** Whether a browser is in the middle of a download that was counted. */
  isRedeeming(link: StoredLink, key: string): Promise<boolean> {
    const { store, clock } = this.#options;
    return store.isRedeeming(link.id, hashRedemptionKey(key), clock.nowUs());
  }

  /** Counts a download, if it is to be counted, before its first byte. */
  async begin(order: DownloadOrder): Promise<RedemptionOutcome> {
    const { store, events, clock } = this.#options;
    const nowUs = clock.nowUs();
    const outcome = await store.redeem({
      linkId: order.link.id,
      keyHash: hashRedemptionKey(order.key),
      address: order.address,
      nowUs,
      untilUs: nowUs + LINK_LIMITS.redemptionMs * 1000,
      takes: order.takes,
      hadAll: this.#received.has(itemOf(order)),
    });
    if (outcome === 'refused') return outcome;
    if (outcome === 'counted') this.#received.delete(itemOf(order));
    if (outcome === 'counted' || order.takes === 'whole') {
      await events.append('downloadStarted', {
        ...this.#factsOf(order),
        transferId: null,
        counted: outcome === 'counted',
      });
    }
    return outcome;
  }

  /** Follows the bytes of a download to their end. */
  watch(order: DownloadOrder, stream: Readable, place: DownloadPlace): void {
    const { events, log } = this.#options;
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    let failure: unknown = null;
    stream.once('error', (error) => {
      failure = error;
    });
    stream.once('close', () => {
      place.leave();
      const complete = bytes === order.bytes && failure === null;
      if (complete && order.reachesEnd) this.#remember(itemOf(order));
      if (order.takes === 'rest' && complete) return;
      const { link } = order;
      const errorCode = codeOf(failure);
      if (errorCode !== null) {
        log.warn({ tokenId: link.id, destPath: order.destPath, err: failure }, 'a download broke');
      }
      events
        .append('downloadFinished', { ...this.#factsOf(order), bytes, complete, errorCode })
        .catch((error: unknown) => log.error({ err: error }, 'cannot log an event'));
    });
  }

  #factsOf({ link, kind, destPath, address }: DownloadOrder) {
    const { id: tokenId, manifestId } = link;
    return { tokenId, manifestId, kind, destPath, address, ...ownedBy(link) };
  }

  #remember(item: string): void {
    const oldest = this.#received.values().next();
    if (this.#received.size >= LINK_LIMITS.receivedMax && !oldest.done) {
      this.#received.delete(oldest.value);
    }
    this.#received.add(item);
  }
}

const codeOf = (failure: unknown): string | null => {
  if (failure === null || typeof failure !== 'object' || !('code' in failure)) return null;
  return typeof failure.code === 'string' ? failure.code : null;
};
