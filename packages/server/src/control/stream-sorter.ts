/**
 * Tells connections for file data from calls of the API on the one TCP port, by what their first TLS
 * message asks for, and hands the former over to the data plane: their descriptor and what was read.
 * TLS and file data then never touch the main thread. Calls go on as if nothing had been looked at.
 */
import type { Server, Socket } from 'node:net';
import { STREAM_PROTOCOL } from '@jetstream/transport';
import { loadNativeTcp } from '@jetstream/udp';
import type { IncomingStream } from '../data/data-plane.js';
import { CLIENT_HELLO_BYTES_MAX, offersProtocol } from './client-hello.js';
import { CONTROL_LIMITS } from './limits.js';

type TakeStream = (stream: IncomingStream) => void;

/** Closes what is handed over here; the copy of its descriptor lives on. */
const handOver = (socket: Socket, head: Uint8Array, take: TakeStream): void => {
  const { remoteAddress, remotePort } = socket;
  // Node does not offer the descriptor, and cannot copy it; without either there are no streams.
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: unknown } | null };
  const native = loadNativeTcp();
  if (native !== null && remoteAddress !== undefined && remotePort !== undefined) {
    const descriptor = native.duplicateDescriptor(Number(handle?.fd ?? -1));
    const address = remoteAddress.replace(/^::ffff:(?=\d)/, '');
    take({ descriptor, address, port: remotePort, head: Uint8Array.from(head) });
  }
  socket.destroy();
};

/** Reads the first message, and decides. */
const sort = (socket: Socket, ports: { call: () => void; take: TakeStream }): void => {
  let head: Buffer = Buffer.alloc(0);
  const drop = (): void => {
    socket.destroy();
  };
  const limit = setTimeout(drop, CONTROL_LIMITS.firstMessageMs);
  const look = (): void => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const isStream = offersProtocol(head, STREAM_PROTOCOL);
    if (isStream === null && head.length < CLIENT_HELLO_BYTES_MAX) return;
    clearTimeout(limit);
    socket.off('readable', look).off('error', drop).off('end', drop);
    try {
      if (isStream === true) {
        handOver(socket, head, ports.take);
        return;
      }
    } catch {
      drop();
      return;
    }
    socket.unshift(head);
    ports.call();
  };
  socket.on('error', drop).on('end', drop);
  socket.once('close', () => clearTimeout(limit));
  socket.on('readable', look);
};

/**
 * Puts the sorting in front of a TLS server.
 *
 * @param server Its own listeners for connections are called for everything but streams.
 */
export const sortStreams = (server: Server, take: TakeStream): void => {
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const call = (): void => {
      for (const listener of listeners) listener.call(server, socket);
    };
    sort(socket, { call, take });
  });
};
