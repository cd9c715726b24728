/** The address under which others reach this server, as text: a host name or IP, maybe a port. */
import { isIPv4, isIPv6 } from 'node:net';

const HOST_CHARACTERS_MAX = 253;
const PORT_MAX = 65_535;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

/** An address in its parts; `port` is null where none was given. */
export interface ExternalAddress {
  /** Host name or IP address, without brackets. */
  readonly host: string;
  readonly port: number | null;
}

/** A last label of digits alone is a mistyped IPv4 address, as in URLs. */
const isHostName = (text: string): boolean => {
  const labels = text.replace(/\.$/, '').split('.');
  return (
    text.length <= HOST_CHARACTERS_MAX &&
    labels.every((label) => LABEL.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
};

/** Takes an address apart; null when it is none. */
export const parseExternalAddress = (text: string): ExternalAddress | null => {
  if (isIPv6(text)) return text.includes('%') ? null : { host: text, port: null };
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>\d{1,5}))?$/.exec(
    text,
  )?.groups;
  if (parts === undefined) return null;
  const port = parts['port'] === undefined ? null : Number(parts['port']);
  if (port !== null && (port < 1 || port > PORT_MAX)) return null;
  const { v6, name } = parts;
  if (v6 !== undefined) return isIPv6(v6) && !v6.includes('%') ? { host: v6, port } : null;
  if (name === undefined) return null;
  return isIPv4(name) || isHostName(name) ? { host: name, port } : null;
};
