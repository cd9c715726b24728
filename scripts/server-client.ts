/** A client of a server that this process has started, logged in as the server's own user. */
import { join } from 'node:path';
import { type Api, JetStream } from '@jetstream/client';
import { LOOPBACK, type ServerProcess } from './server-process.js';

/** Key file that logs the server's own OS user in. */
export function localKeyFile(server: ServerProcess): string {
  return join(server.stateDir, 'local.key');
}

/**
 * Connects to a server and logs in with its local key, which also names the key to trust.
 *
 * @param port Loopback port that leads to the server, when it is not the server's own.
 */
export async function connectTo(
  server: ServerProcess,
  port: number = server.ready.apiPort,
): Promise<Api> {
  const jetstream = new JetStream({ localKeyFile: localKeyFile(server) });
  const api = jetstream.api(LOOPBACK, port);
  await api.connect();
  if (!api.authenticated) {
    await api.close();
    throw new Error(`Cannot log in to server "${server.name}": its local key was not accepted`);
  }
  return api;
}
