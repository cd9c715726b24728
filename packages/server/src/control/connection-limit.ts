/**
 * Counts the TCP connections of each client of a port, from the moment that they are accepted: whoever
 * holds as many as one client may have gets no further ones, and everybody else still finds room. Before
 * TLS, so that silent and unfinished connections count like all others.
 */
import type { Server, Socket } from 'node:net';
import { clientNetwork } from '../sessions/client-network.js';

export interface ConnectionLimit {
  /** Open connections of one client. */
  readonly perClientMax: number;
  /** Told of each connection that is closed at once. */
  onRefused(client: string): void;
}

/**
 * Puts the limit in front of a server.
 *
 * @param server Its listeners for connections so far are called for what is admitted only.
 */
export const limitConnections = (server: Server, limit: ConnectionLimit): void => {
  const { perClientMax, onRefused } = limit;
  const countByClient = new Map<string, number>();
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    // It has gone already.
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const client = clientNetwork(remoteAddress);
    const open = countByClient.get(client) ?? 0;
    if (open >= perClientMax) {
      socket.destroy();
      onRefused(client);
      return;
    }
    countByClient.set(client, open + 1);
    // Also of a connection that TLS has taken over.
    socket.once('close', () => {
      const left = (countByClient.get(client) ?? 1) - 1;
      if (left > 0) countByClient.set(client, left);
      else countByClient.delete(client);
    });
    for (const listener of listeners) listener.call(server, socket);
  });
};
