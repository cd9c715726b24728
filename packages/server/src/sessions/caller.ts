/**
 * Who is calling, as every service sees it, and the one check of who may see what.
 */
import type { Access } from '@jetstream/contract';

export interface CallerToken {
  readonly id: string;
  readonly session: string;
  /** Sum of `PERMISSIONS` bits. */
  readonly permissions: number;
  /** Path that the token is confined to, in the owner's view; null for everything. */
  readonly path: string | null;
  /** Of a shared token: the manifest that it was made for. Absent for API tokens. */
  readonly manifestId?: string;
}

/** A logged-in identity. Sandbox roots are fixed at login, so changes reach new sessions only. */
export interface Caller {
  readonly userName: string;
  /** Elevation of the session; `user` until `wrangler()` or `superuser()`. */
  readonly level: Exclude<Access, 'public'>;
  /** Set when the login was by API token. */
  readonly token: CallerToken | null;
  /** Root name ('' for the unnamed one) to the address of its directory; see `root-address.ts`. */
  readonly roots: ReadonlyMap<string, string>;
  /** Whether the roots are narrower than the whole file system. */
  readonly sandboxed: boolean;
  /** Address of the client, for the log and lock-outs. */
  readonly address: string;
}

/** What owned objects (manifests, destinations, transfers, tokens, requests) record. */
export interface Ownership {
  readonly owner: string;
  readonly ownerToken: string | null;
  readonly ownerTokenSession: string | null;
}

/** Ownership of something that the caller makes now. */
export const ownershipOf = (caller: Caller): Ownership => ({
  owner: caller.userName,
  ownerToken: caller.token?.id ?? null,
  ownerTokenSession: caller.token?.session ?? null,
});

/** Whether a login is by shared token, and for this manifest. */
export const isSharedWith = (caller: Caller, manifestId: string): boolean =>
  caller.token?.manifestId === manifestId;

/** Only who owns an object, of all that is known of it. */
export const ownershipPart = ({ owner, ownerToken, ownerTokenSession }: Ownership): Ownership => ({
  owner,
  ownerToken,
  ownerTokenSession,
});

/**
 * Whether the caller may see and change an owned object: its owner, the token session that made it,
 * or an elevated session. A token login sees only what the same token and session made.
 */
export const mayAccess = (caller: Caller, object: Ownership): boolean => {
  if (caller.token !== null) {
    return (
      object.ownerToken === caller.token.id && object.ownerTokenSession === caller.token.session
    );
  }
  return caller.level !== 'user' || object.owner === caller.userName;
};
