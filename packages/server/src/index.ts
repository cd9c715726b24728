/**
 * The JetStream server as a library: for the command line, and for programs that embed it. What needs no
 * server is in `offline.ts`, so that starting one does not wait for its code.
 */
export { ConfigError } from './config/config-error.js';
export {
  parseServerOptions,
  type ServerOption,
  serverOptions,
} from './config/parse-server-options.js';
export type { OptionName, ServerConfig, ServerOptionsInput } from './config/server-options.js';
export { launchServer as startServer } from './launch-server.js';
export type { ReadyLine, RunningServer } from './start-server.js';
