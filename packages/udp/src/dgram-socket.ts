/** A bound node:dgram socket whose sends happen at once, and addresses in the form it wants. */
import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { PeerAddress } from '@jetstream/transport';

export type DgramFamily = 4 | 6;

/** A bound socket. */
export interface BoundSocket {
  readonly socket: Socket;
  readonly family: DgramFamily;
  readonly localAddress: PeerAddress;
}

type Lookup = NonNullable<SocketOptions['lookup']>;

/** Addresses are numeric already; node:dns would put a turn of the event loop before every send. */
const lookupNothing: Lookup = (hostname, options, callback) => {
  // node:dgram passes the family where the type has the options.
  callback(null, hostname, typeof options === 'number' ? options : isIP(hostname));
};

/**
 * Binds a socket; '::' is dual-stack.
 *
 * @throws {Error} With the system's `code`.
 */
export async function bindSocket(
  local: { readonly address: string; readonly port: number },
  bufferBytes: number,
): Promise<BoundSocket> {
  const version = isIP(local.address);
  if (version === 0) {
    throw new Error(`Cannot bind "${local.address}", expected an IP address`);
  }
  const family: DgramFamily = version === 4 ? 4 : 6;
  const socket = createSocket({ type: `udp${family}`, lookup: lookupNothing });
  try {
    // Asked for first, because binding to a numeric address may end before bind returns.
    const listening = once(socket, 'listening');
    socket.bind({ address: local.address, port: local.port, exclusive: true });
    await listening;
    socket.setRecvBufferSize(bufferBytes);
    socket.setSendBufferSize(bufferBytes);
  } catch (error) {
    socket.close();
    throw error;
  }
  const { address, port } = socket.address();
  return { socket, family, localAddress: { address: plainAddress(address), port } };
}

/**
 * A peer's address as a socket of `family` wants it: IPv4 is mapped for a dual-stack one.
 *
 * @throws {Error} If it is no IP address, has no port, or cannot be reached from this family.
 */
export function socketAddress(peer: PeerAddress, family: DgramFamily): PeerAddress {
  const version = isIP(peer.address);
  const portFits = Number.isInteger(peer.port) && peer.port >= 1 && peer.port <= 65_535;
  if (version === 0 || !portFits || (version === 6 && family === 4)) {
    const text = `${peer.address} ${peer.port}`;
    throw new Error(
      `Cannot use the address "${text}", expected an IPv${family} address and a port`,
    );
  }
  if (version === family) return { address: peer.address, port: peer.port };
  return { address: `::ffff:${peer.address}`, port: peer.port };
}

/** Text of an address with a mapped IPv4 one in its own form. */
export function plainAddress(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : '';
  return isIP(mapped) === 4 ? mapped : address;
}
