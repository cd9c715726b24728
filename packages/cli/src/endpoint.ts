/**
 * `[user@]host[:port]:path` or a local path, told apart as scp does: a colon before the first slash
 * means a host. `./a:b` is local.
 */
import { usageError } from './failure.js';

/** A path on a server. */
export interface RemoteEndpoint {
  readonly kind: 'remote';
  readonly user: string | null;
  readonly host: string;
  /** TCP port of the control API; null when the text does not say. */
  readonly port: number | null;
  readonly path: string;
}

/** A path on this machine, as it was written. */
export interface LocalEndpoint {
  readonly kind: 'local';
  readonly path: string;
}

export type Endpoint = RemoteEndpoint | LocalEndpoint;

const REMOTE = /^(?:([^@/:]+)@)?(\[[0-9a-fA-F:.]+\]|[^/:@[\]]+)(?::(\d{1,5})(?=:))?:(.*)$/s;

/** Paths on a server start at a root: `/…`, or `name:/…` under a named one. */
const absolute = (path: string): string =>
  path.startsWith('/') || /^[^/:]+:\//.test(path) ? path : `/${path}`;

/** Parses a source or target of `cp`, or the argument of `ls`. */
export const parseEndpoint = (text: string): Endpoint => {
  if (text === '') throw usageError('Cannot use an empty path');
  const match = /^[./]/.test(text) ? null : REMOTE.exec(text);
  if (match === null) return { kind: 'local', path: text };
  const [, user, host = '', portText, path = ''] = match;
  const port = portText === undefined ? null : Number(portText);
  if (port !== null && (port < 1 || port > 65_535)) {
    throw usageError(`Cannot use "${text}": port ${port}, expected 1 to 65535`);
  }
  return {
    kind: 'remote',
    user: user ?? null,
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    path: absolute(path),
  };
};
