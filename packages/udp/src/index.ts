export {
  loadNativeFileSystem,
  loadNativeHash,
  loadNativeProcesses,
  loadNativeTcp,
} from './native-addon.js';
export type { NativeFileSystem } from './native-file-system.js';
export type { NativeHash } from './native-hash.js';
export type { NativeProcesses } from './native-processes.js';
export type { NativeTcp } from './native-tcp.js';
export { type OpenPacketIOOptions, openPacketIO } from './open-packet-io.js';
export { CARRIER_STREAMS_MAX, StreamCarrier } from './stream-carrier.js';
export { StreamPacketIO } from './stream-packet-io.js';
export type { UdpStats } from './udp-stats.js';
