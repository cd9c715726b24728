/**
 * Shared tokens: bearer credentials for the files of one manifest, which people hand on as links.
 * The secret is shown once; a deleted token is refused from the next call on.
 *
 * As long as a link is valid its manifest stays. A link that has expired is not revived: its
 * manifest may be gone.
 */
import {
  CommandError,
  type Params,
  PERMISSIONS,
  type SharedTokenStructure,
  type TransferStructure,
} from '@jetstream/contract';
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { assertComplete, type ManifestService } from '../manifests/manifest-service.js';
import { type Caller, mayAccess, ownershipOf, ownershipPart } from '../sessions/caller.js';
import { formatToken, hashSecret, newToken, tokenIdOf } from '../tokens/token-text.js';
import { LIST_MAX } from '../transfers/owner-filter.js';
import type { UserDataKeeper } from '../user-data/user-data-service.js';
import { hashPassword } from '../users/password-hash.js';
import { LINK_LIMITS } from './limits.js';
import type { LinkChange, LinkStore, StoredLink } from './link-store.js';

const SECOND_US = 1_000_000;
const PURGE_INTERVAL_MS = 600_000;
/** Expired links can still be looked at for so long, and say so to whoever opens them. */
const EXPIRED_KEPT_US = 3600 * SECOND_US;

export interface LinkServiceOptions {
  readonly store: LinkStore;
  readonly manifests: Pick<ManifestService, 'find' | 'isUsable'>;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Checks that the owner still sees the files.
   *
   * @throws {CommandError} `not_found` when not.
   */
  readonly checkSources: (link: StoredLink) => Promise<void>;
  /** Told of links that end, or whose end was moved. */
  readonly sessions: {
    tokenRemoved(id: string): void;
    tokenUpdated(id: string, expiryTimeUs: number | null): void;
  };
  /** From the option `apiDisableSharedTokens`. */
  readonly disabled: boolean;
}

const structureOf = (link: StoredLink, shownToken = link.id): SharedTokenStructure => ({
  token: shownToken,
  description: link.description,
  creationTime: link.creationTimeUs,
  expiryTime: link.expiryTimeUs,
  passwordRequired: link.passwordHash !== null,
  permissions: PERMISSIONS.DOWNLOAD,
  manifestId: link.manifestId,
  downloadCount: link.downloadCount,
  downloadLimit: link.downloadLimit,
  ...ownedBy(link),
  userData: link.userData,
});

const factsOf = (link: StoredLink) => ({
  tokenId: link.id,
  manifestId: link.manifestId,
  description: link.description,
  expiryTime: link.expiryTimeUs,
  downloadLimit: link.downloadLimit,
  passwordRequired: link.passwordHash !== null,
  ...ownedBy(link),
});

const notFound = (): CommandError =>
  new CommandError(
    'not_found',
    'Cannot find the shared token: no such token, or it is not visible',
  );

/** @see the head of this file */
export class LinkService {
  readonly #options: LinkServiceOptions;
  #edits: Promise<unknown> = Promise.resolve();
  /** Manifests of links that are being stored: how many of each. */
  readonly #taking = new Map<string, number>();
  #purges: Timer | null = null;

  constructor(options: LinkServiceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#purges = every(this.#options.clock, PURGE_INTERVAL_MS, () => {
      this.purge({ force: false, dryRun: false }).catch((error: unknown) =>
        this.#options.log.error({ err: error }, 'expired shared tokens could not be removed'),
      );
    });
  }

  stop(): void {
    this.#purges?.cancel();
  }

  async create(
    caller: Caller,
    params: Params<'send.createSharedToken'>,
  ): Promise<SharedTokenStructure> {
    const { store, manifests, events, clock, disabled } = this.#options;
    if (disabled) {
      throw new CommandError(
        'permission_denied',
        'Cannot create a shared token: they are disabled on this server',
      );
    }
    const manifest = await manifests.find(caller, params.manifestId);
    assertComplete(manifest);
    await this.#checkCount(caller.userName);
    const password = params.password ?? null;
    const passwordHash = password === null ? null : await hashPassword(password);
    const text = newToken();
    const nowUs = clock.nowUs();
    const link: StoredLink = {
      ...ownershipOf(caller),
      id: text.id,
      secretHash: hashSecret(text.secret),
      passwordHash,
      description: params.description ?? '',
      manifestId: manifest.id,
      creationTimeUs: nowUs,
      expiryTimeUs: this.#expiryOf(nowUs, params.timeLimitSeconds ?? null),
      downloadCount: 0,
      downloadLimit: params.downloadLimit ?? null,
      userData: {},
    };
    // From here on a removal of the manifest sees the link; one that was first is seen here.
    if (!manifests.isUsable(manifest.id)) {
      throw new CommandError('not_found', `Cannot find manifest "${manifest.id}"`);
    }
    this.#take(manifest.id, 1);
    try {
      await Promise.all([events.append('sharedTokenCreated', factsOf(link)), store.insert(link)]);
    } finally {
      this.#take(manifest.id, -1);
    }
    return structureOf(link, formatToken(text));
  }

  async get(caller: Caller, reference: string): Promise<SharedTokenStructure> {
    return structureOf(await this.#visible(caller, reference));
  }

  async list(
    caller: Caller,
    params: Params<'send.getSharedTokens'>,
  ): Promise<SharedTokenStructure[]> {
    const page = { offset: params.offset ?? 0, limit: params.limit ?? LIST_MAX };
    return (await this.#options.store.list(caller, page)).map((link) => structureOf(link));
  }

  /** Changes what is given; open logins with the token last until its new expiry. */
  async update(
    caller: Caller,
    params: Params<'send.updateSharedToken'>,
  ): Promise<SharedTokenStructure> {
    const link = await this.#visible(caller, params.token);
    if (link.expiryTimeUs !== null && link.expiryTimeUs <= this.#options.clock.nowUs()) {
      throw new CommandError('not_found', 'Cannot change the shared token: it has expired');
    }
    const seconds = params.timeLimitSeconds ?? null;
    const password = params.password ?? null;
    const change: LinkChange = {
      ...(seconds === null
        ? {}
        : { expiryTimeUs: this.#expiryOf(this.#options.clock.nowUs(), seconds) }),
      ...(password === null ? {} : { passwordHash: await hashPassword(password) }),
      ...(params.downloadLimit == null ? {} : { downloadLimit: params.downloadLimit }),
      ...(params.description == null ? {} : { description: params.description }),
    };
    return structureOf(await this.#change(caller, link.id, change));
  }

  /** The keeper of the data that users attach to shared tokens. */
  get userData(): UserDataKeeper {
    return {
      edit: (caller, reference, edit) => {
        // One at a time: each edit rests on the one before.
        const edited = this.#edits.then(async () => {
          const link = await this.#visible(caller, reference);
          const userData = edit(link.userData);
          await this.#change(caller, link.id, { userData });
          return { userData, ownership: ownershipPart(link) };
        });
        this.#edits = edited.catch(() => undefined);
        return edited;
      },
    };
  }

  /** Deletes a token; when this resolves, nobody is logged in with it any more. */
  async remove(caller: Caller, reference: string): Promise<null> {
    const link = await this.#visible(caller, reference);
    const { store, events, sessions } = this.#options;
    const facts = { tokenId: link.id, manifestId: link.manifestId, by: caller.userName };
    const [, removed] = await Promise.all([
      events.append('sharedTokenDeleted', { ...facts, ...ownedBy(link) }),
      store.remove(link.id),
    ]);
    if (!removed) throw notFound();
    sessions.tokenRemoved(link.id);
    return null;
  }

  /**
   * Removes tokens that expired a while ago.
   *
   * @param options `force` removes all that have expired; `dryRun` only counts them.
   * @returns How many.
   */
  async purge(options: { readonly force: boolean; readonly dryRun: boolean }): Promise<number> {
    const { store, events, clock, sessions } = this.#options;
    const nowUs = clock.nowUs();
    const beforeUs = options.force ? nowUs : nowUs - EXPIRED_KEPT_US;
    if (options.dryRun) return store.countExpired(beforeUs);
    const expired = await store.removeExpired(beforeUs);
    for (const link of expired) {
      sessions.tokenRemoved(link.id);
      const facts = { tokenId: link.id, manifestId: link.manifestId, ...ownedBy(link) };
      await events.append('sharedTokenExpired', facts);
    }
    await store.forgetRedemptions(nowUs);
    return expired.length;
  }

  /** Whether a valid link, or one that is being stored, refers to a manifest. */
  async refersTo(manifestId: string): Promise<boolean> {
    if (this.#taking.has(manifestId)) return true;
    return this.#options.store.refersTo(manifestId, this.#options.clock.nowUs());
  }

  /**
   * Makes a transfer. When the caller is logged in by shared token that is a download, which counts.
   *
   * @throws {CommandError} `conflict` when the downloads are used up, `too_many_requests`.
   */
  async redeem(
    caller: Caller,
    start: () => Promise<TransferStructure>,
  ): Promise<TransferStructure> {
    const { store, events, clock } = this.#options;
    const { token } = caller;
    if (token?.manifestId === undefined) return start();
    const link = await store.find(token.id);
    if (link === null) throw notFound();
    await this.#options.checkSources(link);
    const running = await store.unfinishedTransfers(link.id);
    if (running >= LINK_LIMITS.transfersPerLinkMax) {
      throw new CommandError(
        'too_many_requests',
        `Cannot start a transfer: ${running} of this link have not ended, expected fewer`,
      );
    }
    if (!(await store.count(link.id, clock.nowUs()))) {
      throw new CommandError(
        'conflict',
        'Cannot start a transfer: the shared token has expired or has been used as often as it may be',
        { details: { downloadLimit: link.downloadLimit } },
      );
    }
    let transfer: TransferStructure;
    try {
      transfer = await start();
    } catch (error) {
      await store.uncount(link.id);
      throw error;
    }
    await events.append('downloadStarted', {
      tokenId: link.id,
      manifestId: link.manifestId,
      kind: 'transfer',
      destPath: null,
      transferId: transfer.transferId,
      counted: true,
      address: caller.address,
      ...ownedBy(link),
    });
    return transfer;
  }

  async #change(caller: Caller, id: string, change: LinkChange): Promise<StoredLink> {
    const { store, events, sessions } = this.#options;
    const before = await store.find(id);
    if (before === null) throw notFound();
    const facts = { ...factsOf({ ...before, ...change }), by: caller.userName };
    const [, updated] = await Promise.all([
      events.append('sharedTokenUpdated', facts),
      store.update(id, change),
    ]);
    if (updated === null) throw notFound();
    sessions.tokenUpdated(updated.id, updated.expiryTimeUs);
    return updated;
  }

  async #visible(caller: Caller, reference: string): Promise<StoredLink> {
    const id = tokenIdOf(reference);
    const link = await this.#options.store.find(id);
    if (link === null) throw notFound();
    if (caller.token?.manifestId !== undefined) {
      if (caller.token.id === link.id) return link;
      throw notFound();
    }
    if (!mayAccess(caller, link)) throw notFound();
    return link;
  }

  async #checkCount(owner: string): Promise<void> {
    const count = await this.#options.store.countOf(owner);
    if (count < LINK_LIMITS.linksPerUserMax) return;
    throw new CommandError(
      'too_many_requests',
      `Cannot create a shared token: you have ${count}, expected fewer than ${LINK_LIMITS.linksPerUserMax}`,
    );
  }

  #expiryOf(nowUs: number, seconds: number | null): number | null {
    return seconds === null ? null : nowUs + Math.ceil(seconds * SECOND_US);
  }

  #take(manifestId: string, change: number): void {
    const count = (this.#taking.get(manifestId) ?? 0) + change;
    if (count > 0) this.#taking.set(manifestId, count);
    else this.#taking.delete(manifestId);
  }
}
