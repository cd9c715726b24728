/**
 * Starts a server from cold. Most of that time goes into loading code, which the data thread and this
 * one do beside each other: so the thread starts first, and the rest of the server is loaded here.
 */
import type { ServerOptionsInput } from './config/server-options.js';
import { prepareDataPlane } from './data/start-data-plane.js';
import type { RunningServer } from './start-server.js';

/**
 * Starts a server in this process.
 *
 * @throws {ConfigError} If an option cannot be used.
 * @throws {Error} If the state directory or a port cannot be used.
 */
export const launchServer = async (options: ServerOptionsInput = {}): Promise<RunningServer> => {
  const dataPlane = prepareDataPlane();
  try {
    const { startServer } = await import('./start-server.js');
    return await startServer(options, { dataPlane });
  } catch (error) {
    await dataPlane.discard();
    throw error;
  }
};
