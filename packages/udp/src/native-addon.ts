/** Loading the C++ addon, and its functions as types. native/binding.cc is the other side. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PeerAddress } from '@jetstream/transport';
import type { NativeFileSystem } from './native-file-system.js';
import type { NativeHash } from './native-hash.js';
import type { NativeProcesses } from './native-processes.js';
import type { NativeTcp } from './native-tcp.js';

/** A socket inside the addon; only the addon sees into it. */
export interface NativeSocket extends PeerAddress {
  readonly nativeSocket: never;
}

/** What the kernel granted to a native socket; offloads are 1 while in use. */
export interface NativeOffloads {
  readonly gso: number;
  readonly gro: number;
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
}

/** Version of the functions below; an addon left over from other sources has another. */
const INTERFACE_VERSION = 7;

/** Functions of the addon. Each throws for an argument that does not fit. */
export interface NativeAddon extends NativeFileSystem, NativeHash, NativeProcesses, NativeTcp {
  readonly interfaceVersion: number;
  open(
    address: string,
    port: number,
    bufferBytes: number,
    keyEpochShift: number,
    arena: Uint8Array,
    receivedBytes: Uint8Array,
    receivedWords: Uint32Array,
  ): NativeSocket;
  openConnection(
    socket: NativeSocket,
    localId: number,
    remoteId: number,
    address: string,
    port: number,
  ): number;
  setPeer(socket: NativeSocket, connection: number, address: string, port: number): void;
  installKeys(
    socket: NativeSocket,
    connection: number,
    forSealing: number,
    epoch: number,
    cipher: number,
    key: Uint8Array,
    iv: Uint8Array,
  ): void;
  closeConnection(socket: NativeSocket, connection: number): void;
  sealAndSend(socket: NativeSocket, words: Uint32Array, count: number): number;
  sendClear(socket: NativeSocket, address: string, port: number, datagram: Uint8Array): void;
  receiveAndOpen(socket: NativeSocket, waitUs: number): number;
  peerAddress(socket: NativeSocket, peer: number): PeerAddress;
  /** Returns true, without keeping the callback, if a packet already waits inside the addon. */
  watch(socket: NativeSocket, callback: (() => void) | null): boolean;
  stats(socket: NativeSocket, values: Float64Array): void;
  offloads(socket: NativeSocket): NativeOffloads;
  close(socket: NativeSocket): void;
  /**
   * Returns whether the system drops in the kernel what can be no packet of ours: no packet of the
   * protocol, or a sealed one for a connection id that does not begin with this byte.
   */
  dropJunk(socket: NativeSocket, idPrefix: number): boolean;
  selfTest(): boolean;
}

/** The addon, or why there is none. */
export type NativeAddonResult =
  | { readonly addon: NativeAddon; readonly reason: null }
  | { readonly addon: null; readonly reason: string };

// The same relative place from src/ and from dist/.
const addonPath = fileURLToPath(new URL('../build/Release/jetstream_udp.node', import.meta.url));
let loaded: NativeAddonResult | undefined;

/** Loads and self-tests the addon once per thread. */
export function loadNativeAddon(): NativeAddonResult {
  loaded ??= load();
  return loaded;
}

/** The file-system calls of the addon, or null where it is not built or does not load. */
export function loadNativeFileSystem(): NativeFileSystem | null {
  return loadNativeAddon().addon;
}

/** BLAKE3 that can be kept, or null where the addon is not built or does not load. */
export function loadNativeHash(): NativeHash | null {
  return loadNativeAddon().addon;
}

/** The calls for TCP sockets, or null where the addon is not built or does not load. */
export function loadNativeTcp(): NativeTcp | null {
  return loadNativeAddon().addon;
}

/** The calls of the addon for processes, or null where it is not built or does not load. */
export function loadNativeProcesses(): NativeProcesses | null {
  return loadNativeAddon().addon;
}

function load(): NativeAddonResult {
  if (!existsSync(addonPath)) return { addon: null, reason: 'the native addon is not built' };
  try {
    const addon = createRequire(import.meta.url)(addonPath) as NativeAddon;
    if (addon.interfaceVersion !== INTERFACE_VERSION) {
      return { addon: null, reason: 'the native addon was built from other sources' };
    }
    if (addon.selfTest()) return { addon, reason: null };
    return { addon: null, reason: 'the self-test of the native addon fails' };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { addon: null, reason: `the native addon does not load (${text})` };
  }
}
