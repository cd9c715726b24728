/**
 * Which web pages may talk to this server: only its own. A page of another site that makes a
 * browser connect here says so in `Origin`; a page that had its own name pointed at our address
 * (DNS rebinding) is found out by a host name that is not ours.
 */
import { isIP } from 'node:net';

const hostOf = (authority: string): string => {
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::\d+)?$/.exec(authority);
  return (bracketed?.[1] ?? authority.replace(/:\d+$/, '')).toLowerCase();
};

/**
 * Whether a request may go on.
 *
 * @param origin The `Origin` header; absent from everything that is no browser.
 * @param host The `Host` header.
 * @param isOwnName Whether a name, lower case, is one of this server.
 */
export const isOwnOrigin = (
  origin: string | undefined,
  host: string | undefined,
  isOwnName: (name: string) => boolean,
): boolean => {
  if (origin === undefined) return true;
  const authority = /^https:\/\/([^/?#@]+)$/i.exec(origin)?.[1];
  if (authority === undefined || host === undefined) return false;
  if (authority.toLowerCase() !== host.toLowerCase()) return false;
  const name = hostOf(authority);
  return isIP(name) !== 0 || name === 'localhost' || isOwnName(name);
};
