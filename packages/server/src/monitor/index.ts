/** The root monitor, which the command line loads in place of the server when it runs as root. */
export { ConfigError } from '../config/config-error.js';
export { type MonitorInput, runMonitor } from './run-monitor.js';
export { becomeStateOwner, grantAccount } from './state-owner.js';
