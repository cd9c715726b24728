/** Defaults and checks that both implementations share. */
import type { PacketIOOptions } from '@jetstream/transport';

/** Packets of one key epoch, as a power of two, where the caller does not say. */
export const KEY_EPOCH_SHIFT_DEFAULT = 24;
/** Socket buffers asked for where the caller does not say. */
export const SOCKET_BUFFER_BYTES_DEFAULT = 8 * 1024 * 1024;
/** Smallest and largest arena. */
export const ARENA_BYTES_MIN = 64 * 1024;
export const ARENA_BYTES_MAX = 1024 * 1024 * 1024;
/** Largest datagram that IPv4 carries. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** Options with every default filled in. */
export type CompleteOptions = Required<Omit<PacketIOOptions, 'idPrefix'>> & {
  readonly idPrefix: number | undefined;
};

/**
 * Fills in defaults.
 *
 * @throws {RangeError} If a value is out of range.
 */
export function completeOptions(options: PacketIOOptions): CompleteOptions {
  const complete = {
    address: options.address,
    port: options.port,
    arena: options.arena,
    keyEpochShift: options.keyEpochShift ?? KEY_EPOCH_SHIFT_DEFAULT,
    socketBufferBytes: options.socketBufferBytes ?? SOCKET_BUFFER_BYTES_DEFAULT,
    idPrefix: options.idPrefix,
  };
  checkRange('port', complete.port, [0, 65_535]);
  checkRange('arena bytes', complete.arena.byteLength, [ARENA_BYTES_MIN, ARENA_BYTES_MAX]);
  checkRange('keyEpochShift', complete.keyEpochShift, [8, 26]);
  if (complete.idPrefix !== undefined) checkRange('idPrefix', complete.idPrefix, [0, 255]);
  checkRange('socketBufferBytes', complete.socketBufferBytes, [4096, 1024 * 1024 * 1024]);
  return complete;
}

/**
 * Refuses what is not an integer within bounds.
 *
 * @throws {RangeError} With the name, the value and what is wanted.
 */
export function checkRange(name: string, value: number, bounds: readonly [number, number]): void {
  const [low, high] = bounds;
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new RangeError(`Cannot use ${name} "${value}", expected an integer ${low} to ${high}`);
}

/** Text of two buffer sizes for a description: received/sent, in MiB. */
export function describeBuffers(receiveBytes: number, sendBytes: number): string {
  const mebibytes = (bytes: number) => (bytes / (1024 * 1024)).toFixed(1);
  return `buffers ${mebibytes(receiveBytes)}/${mebibytes(sendBytes)} MiB`;
}
