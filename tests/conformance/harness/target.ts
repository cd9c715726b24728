/**
 * What the conformance suite runs against: an address, accounts and a directory. Nothing in it says
 * which program answers there.
 */

/** A user that can log in by name and password. */
export interface Account {
  readonly userName: string;
  readonly password: string;
}

/** Where a server is reached. */
export interface Endpoint {
  readonly host: string;
  readonly apiPort: number;
  /** UDP port of its data plane. */
  readonly recvPort: number;
  readonly superuser: Account;
}

/** The server under test. */
export interface Target extends Endpoint {
  /** Two users without further rights. */
  readonly user: Account;
  readonly other: Account;
  /** A user whom the suite makes a wrangler; its name is that of an account of the system. */
  readonly wrangler: Account;
  /** User id of an account of the system that is a superuser, decimal; null when not known. */
  readonly superuserId: string | null;
  /** Names of a user and a group of the server's system that are nothing special. */
  readonly systemUser: string;
  readonly systemGroup: string;
  /** A directory of the server in which all the accounts may write. */
  readonly directory: string;
  /** Whether that directory is the same for the suite, so that it can put links there. */
  readonly sharesDisk: boolean;
  /**
   * User ids that files of `user` and `other` belong to on the disk of the server, where users work as
   * accounts of their own; null where all work as one.
   */
  readonly fileOwners: { readonly user: number; readonly other: number } | null;
  /** Whether the suite may start servers of its own, for what ends one or needs its command line. */
  readonly startsServers: boolean;
  /** A second server, for what takes two. */
  readonly peer: Endpoint | null;
  /**
   * File in which sessions note the secrets that they use, a line each; at the end the suite looks for
   * them in everything that the servers wrote. Null where it cannot look there.
   */
  readonly secretsFile: string | null;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly target: Target;
  }
}
