/**
 * Which addresses a webhook may go to. The server stands where its callers do not: it must not be
 * made to ask what only it can reach.
 */
import { BlockList, isIP } from 'node:net';

/** Apart, because a list of both takes every IPv4 address for a mapped one. */
const PRIVATE = { ipv4: new BlockList(), ipv6: new BlockList() };
const IPV4_BLOCKS: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
for (const [network, bits] of IPV4_BLOCKS) PRIVATE.ipv4.addSubnet(network, bits, 'ipv4');
/** What holds an IPv4 address (6to4, Teredo, NAT64, mapped, compatible) goes by other rules: none. */
const IPV6_BLOCKS: readonly (readonly [string, number])[] = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
];
for (const [network, bits] of IPV6_BLOCKS) PRIVATE.ipv6.addSubnet(network, bits, 'ipv6');

/** Whether an address is one of the public internet. */
export const isPublicAddress = (address: string): boolean => {
  const family = isIP(address);
  if (family === 4) return !PRIVATE.ipv4.check(address, 'ipv4');
  return family === 6 && !PRIVATE.ipv6.check(address, 'ipv6');
};
