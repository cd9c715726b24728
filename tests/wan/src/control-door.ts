/**
 * Lets a client outside a network namespace call a server inside it, without a route: the calls
 * neither cross the emulated link nor take any of its capacity.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { LOOPBACK } from '../../../scripts/dist/server-process.js';

/** What to open, and where. */
export interface DoorOptions {
  /** Prefix of a command that runs inside. */
  readonly launcher: readonly string[];
  /** TCP port on the loopback interface inside. */
  readonly port: number;
  /** Path of the Unix socket between both halves; at most 107 bytes. */
  readonly socketPath: string;
}

/** An open door. */
export interface ControlDoor {
  /** TCP port on the loopback interface outside. */
  readonly port: number;
  close(): Promise<void>;
}

function listenOutside(socketPath: string, sockets: Set<Socket>): Server {
  return createServer({ noDelay: true }, (outside) => {
    const inside = connect(socketPath);
    for (const socket of [outside, inside]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    outside.pipe(inside).pipe(outside);
    outside.on('error', () => inside.destroy());
    inside.on('error', () => outside.destroy());
  });
}

/** Opens a door. */
export async function openControlDoor(options: DoorOptions): Promise<ControlDoor> {
  const { launcher, port, socketPath } = options;
  const half = fileURLToPath(new URL('./door-process.js', import.meta.url));
  const line = [...launcher, process.execPath, half, socketPath, String(port)];
  const [command = '', ...args] = line;
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const opened = await Promise.race([once(child.stdout, 'data'), ended]);
  if (!Buffer.isBuffer(opened[0])) {
    throw new Error(`Cannot open a door to port ${port}: its process ended with ${opened[0]}`);
  }
  const sockets = new Set<Socket>();
  const server = listenOutside(socketPath, sockets);
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      child.stdin.end();
      await ended;
    },
  };
}
