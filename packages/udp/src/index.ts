export { loadNativeFileSystem } from './native-addon.js';
export type { NativeFileSystem } from './native-file-system.js';
export { type OpenPacketIOOptions, openPacketIO } from './open-packet-io.js';
export type { UdpStats } from './udp-stats.js';
