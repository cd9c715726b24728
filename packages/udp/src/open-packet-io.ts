import type { PacketIO, PacketIOOptions } from '@jetstream/transport';
import { DgramPacketIO } from './dgram-packet-io.js';
import { loadNativeAddon } from './native-addon.js';
import { NativePacketIO } from './native-packet-io.js';

/** Options of {@link openPacketIO}. */
export interface OpenPacketIOOptions extends PacketIOOptions {
  /** Which implementation to use where both work; default 'native'. */
  readonly prefer?: 'native' | 'dgram';
}

/**
 * Opens a UDP socket with the preferred implementation, or with node:dgram where the addon cannot be
 * used. `description` of the result says which, and why.
 *
 * '::' becomes '0.0.0.0' on a system without IPv6.
 *
 * @throws {Error} With the system's `code` ('EADDRINUSE', ...) if the address cannot be bound;
 * RangeError for options out of range.
 */
export async function openPacketIO(options: OpenPacketIOOptions): Promise<PacketIO> {
  const { prefer = 'native', ...rest } = options;
  try {
    return await openFirst(rest, prefer);
  } catch (error) {
    if (rest.address !== '::' || !lacksIPv6(error)) throw error;
    return openFirst({ ...rest, address: '0.0.0.0' }, prefer);
  }
}

async function openFirst(options: PacketIOOptions, prefer: 'native' | 'dgram'): Promise<PacketIO> {
  if (prefer === 'dgram') return DgramPacketIO.open(options, 'as asked');
  const { addon, reason } = loadNativeAddon();
  if (addon === null) return DgramPacketIO.open(options, reason);
  return NativePacketIO.open(addon, options);
}

function lacksIPv6(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL';
}
