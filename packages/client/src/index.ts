/** Client of the JetStream control API. */
export { CommandError, type ErrorCode } from '@jetstream/contract';
export {
  Api,
  type ApiEvents,
  CONNECT_TIMEOUT_MS,
  type JetStreamOptions,
  PING_INTERVAL_MS,
  type ServerPlace,
} from './api.js';
export type { ReconnectOptions } from './back-off.js';
export { type ClientClock, systemClock } from './clock.js';
export type {
  Args,
  CallOptions,
  InterfaceName,
  Options,
  RecvInterface,
  SendInterface,
  ServerInterface,
} from './interfaces.js';
export { JetStream } from './jetstream.js';
export {
  FileKnownServers,
  type KnownServer,
  type KnownServers,
  MemoryKnownServers,
  serverAddress,
  userDirectories,
} from './known-servers.js';
export { defaultLocalKeyFiles, isLoopback, type LocalKey, readLocalKey } from './local-key.js';
export type { Credentials } from './login-state.js';
export type { SessionEvents } from './session.js';
