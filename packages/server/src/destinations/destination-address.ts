/** Addresses of receiving servers, and the ids that are made from them. */
import { isIPv4, isIPv6 } from 'node:net';
import { CommandError } from '@jetstream/contract';

const HOST_NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/**
 * One way to write an address: lower case, no brackets, no dot at the end.
 *
 * @throws {CommandError} `invalid_params` if it is neither a host name nor an IP address.
 */
export const parseAddress = (text: string): string => {
  const plain = text
    .trim()
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
  // Nothing but digits and dots is meant as an IPv4 address, and must be a whole one.
  const isName = HOST_NAME.test(plain) && !/^[\d.]+$/.test(plain);
  if (isIPv4(plain) || isIPv6(plain) || isName) return plain;
  throw new CommandError(
    'invalid_params',
    `Cannot use "destinationAddress": ${JSON.stringify(text.slice(0, 253))}, expected a host name or an IP address without port`,
    { details: { parameter: 'destinationAddress', actual: text.slice(0, 253) } },
  );
};

/** `address:port` as people write it: IPv6 in brackets. */
export const formatEndpoint = (address: string, port: number): string =>
  `${isIPv6(address) ? `[${address}]` : address}:${port}`;
