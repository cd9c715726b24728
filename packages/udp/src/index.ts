export { loadNativeFileSystem, loadNativeProcesses } from './native-addon.js';
export type { NativeFileSystem } from './native-file-system.js';
export type { NativeProcesses } from './native-processes.js';
export { type OpenPacketIOOptions, openPacketIO } from './open-packet-io.js';
export type { UdpStats } from './udp-stats.js';
