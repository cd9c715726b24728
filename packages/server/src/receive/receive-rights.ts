/**
 * Who may store files here. Nobody, unless the sender presents an API token of this server with the
 * UPLOAD permission, or its identity key is in the list of authorised clients. A token acts as the
 * user who made it, inside that user's roots and the token's path; an authorised client acts as the
 * account that runs the server, or, where that account owns no files, as whoever has added it.
 *
 * A transfer that has begun goes on to where it began: neither a new sandbox mapping nor the deletion
 * of its token ends it.
 */
import { CommandError, TRANSFER_FLAG_READ, TRANSFER_FLAG_WRITE } from '@jetstream/contract';
import type { ReceiveOffer } from '../data/data-plane.js';
import { parseSandboxPath } from '../sandboxes/sandbox-path.js';
import { type Caller, type Ownership, ownershipOf } from '../sessions/caller.js';
import { tokenPermits } from '../tokens/token-rights.js';
import type { ReceiveRecord } from './receive-record.js';

/** Checks the text of an API token that a sender presents. */
export interface UploadTokens {
  /**
   * @param beganWith Id of the token that the transfer began with, when it goes on now; null else.
   * @returns Whom the token stands for, with the roots that it may reach.
   * @throws {CommandError} If the token is not valid.
   */
  verifyUploadToken(tokenText: string, address: string, beganWith: string | null): Promise<Caller>;
  /**
   * Whether what a token has begun must end now: it has expired, or its owner is gone or locked.
   *
   * @throws {CommandError} If there is no answer.
   */
  isUploadOver(owner: string, tokenId: string): Promise<boolean>;
}

/** Whom an authorised client acts as, and so the owner of what it sends. */
export interface ServerOwner {
  readonly userName: string;
  readonly roots: ReadonlyMap<string, string>;
}

export interface ReceiveRightsPorts {
  readonly tokens: UploadTokens;
  /** @param publicKey Key of the authorised client. */
  readonly owner: (publicKey: string) => Promise<ServerOwner>;
  readonly isAuthorized: (publicKey: string) => boolean;
  /** Whether servers that are not authorised are refused, whatever token they show. */
  readonly isOnlyAuthorized: () => boolean;
  /** Whether transfers that read or write nothing are taken. */
  readonly allowTestTransfers: boolean;
}

interface Place {
  /** Absolute directory that nothing leaves. */
  readonly root: string;
  readonly components: readonly string[];
}

/** Where an offer may write, and on whose behalf. */
export interface ReceiveRight extends Place {
  readonly by: 'token' | 'key';
  readonly ownership: Ownership;
}

const FLAGS_ALL = TRANSFER_FLAG_READ + TRANSFER_FLAG_WRITE;

const refused = (message: string): CommandError => new CommandError('peer_refused', message);

const tokenRight = async (
  token: string,
  offer: ReceiveOffer,
  ports: { readonly tokens: UploadTokens; readonly beganWith: string | null },
): Promise<Caller> => {
  let caller: Caller;
  try {
    caller = await ports.tokens.verifyUploadToken(token, offer.peer.address, ports.beganWith);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw refused(
      `Cannot store files on this server: its answer to the API token is "${error.message}"; ask for a new token, or for your server's key to be added with recv.addAuthorizedClientAsync`,
    );
  }
  if (caller.token !== null && tokenPermits(caller.token, 'UPLOAD')) return caller;
  throw refused('Cannot store files on this server: the API token lacks the permission UPLOAD');
};

/** The place of a destination path below the roots of whoever receives. */
const placeOf = (destinationPath: string, roots: ReadonlyMap<string, string>): Place => {
  const path = parseSandboxPath(destinationPath, new Set(roots.keys()));
  const root = roots.get(path.rootName);
  if (root !== undefined) return { root, components: path.components };
  throw new CommandError(
    'path_invalid',
    `Cannot use the destination path ${JSON.stringify(destinationPath.slice(0, 200))}: it names no root of the receiver, expected one of ${[...roots.keys()].map((name) => `"${name}:"`).join(', ')}`,
  );
};

/**
 * Decides on the right of an offer.
 *
 * @param begun The transfer of this id, when this server has begun to receive it.
 * @throws {CommandError} `peer_refused` with what an operator can do about it, `path_invalid` or
 * `name_too_long` for the destination path.
 */
export const receiveRightOf = async (
  offer: ReceiveOffer,
  ports: ReceiveRightsPorts,
  begun: ReceiveRecord | null,
): Promise<ReceiveRight> => {
  if (offer.transferFlags !== FLAGS_ALL && !ports.allowTestTransfers) {
    throw refused(
      `Cannot take a performance test: its transfer flags are ${offer.transferFlags} and this server runs without --allow-test-transfers, expected ${FLAGS_ALL}`,
    );
  }
  if (ports.isOnlyAuthorized() && !ports.isAuthorized(offer.peer.publicKey)) {
    throw refused(
      `Cannot store files on this server: it takes them from authorised clients only and the key "${offer.peer.publicKey}" is not among them; have it added with recv.addAuthorizedClientAsync`,
    );
  }
  // Only the sender that began it may go on, and only with what it began.
  const known = begun?.peerKey === offer.peer.publicKey ? begun : null;
  const { tokens } = ports;
  const beganWith = known?.status === 'error' ? null : (known?.ownerToken ?? null);
  const caller =
    offer.token === null ? null : await tokenRight(offer.token, offer, { tokens, beganWith });
  if (caller === null && !ports.isAuthorized(offer.peer.publicKey)) {
    throw refused(
      `Cannot store files on this server: no API token was presented and the sending server's key "${offer.peer.publicKey}" is not authorised here; create a token with the UPLOAD permission (createAPIToken) and pass it as destinationToken, or add the key with recv.addAuthorizedClientAsync`,
    );
  }
  const by = caller === null ? 'key' : 'token';
  const goesOn =
    known?.rightBy === by &&
    known.destinationPath === offer.destinationPath &&
    known.ownerToken === (caller?.token?.id ?? null);
  const { userName, roots } = caller ?? (await ports.owner(offer.peer.publicKey));
  const ownership: Ownership =
    caller === null
      ? { owner: userName, ownerToken: null, ownerTokenSession: null }
      : ownershipOf(caller);
  const { root, components } = goesOn ? known : placeOf(offer.destinationPath, roots);
  return { by, ownership, root, components };
};
