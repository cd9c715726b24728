/** What counts as one client where clients are counted by address. */
import { isIPv6 } from 'node:net';

const NETWORK_GROUPS = 4;
const ALL_GROUPS = 8;
/** How a socket for both versions names an IPv4 address. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));

/**
 * The network that one customer has: an IPv4 address, or the first 64 bits of an IPv6 address, whose
 * holder can send from any of the 2^64 addresses behind them.
 */
export const clientNetwork = (address: string): string => {
  const ipv4 = address.replace(MAPPED, '');
  if (!isIPv6(ipv4)) return ipv4;
  const [plain = ''] = address.split('%');
  const [before = '', after] = plain.split('::');
  const head = groupsOf(before);
  const tail = groupsOf(after ?? '');
  const zeros = after === undefined ? 0 : Math.max(0, ALL_GROUPS - head.length - tail.length);
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail];
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${network.join(':').toLowerCase()}::/64`;
};
