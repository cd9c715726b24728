/**
 * Two servers, each where it is told to run, with a logged-in client for each; and the steps of a
 * transfer between them through the public API.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { PERMISSIONS, type TransferStructure } from '@jetstream/contract';
import { connectTo } from '../../../scripts/dist/server-client.js';
import { LOOPBACK, type ServerProcess, startServer } from '../../../scripts/dist/server-process.js';
import { type ControlDoor, openControlDoor } from './control-door.js';
import type { WanLab, WanNode } from './wan-lab.js';

/** Where and how the servers run. */
export interface PairOptions {
  /** Directory for state and logs. */
  readonly directory: string;
  /** Lab whose nodes a (sender) and b (receiver) the servers run on; this machine when null. */
  readonly lab: Pick<WanLab, 'a' | 'b'> | null;
  /** Flags of `jetstream server` for both. */
  readonly flags?: readonly string[];
  /** Flags of Node for both. */
  readonly nodeFlags?: readonly string[];
}

/** One running server, and the way to call it. */
export interface Station {
  readonly server: ServerProcess;
  readonly api: Api;
  /** Closes the client, then ends the server by SIGTERM. */
  stop(): Promise<void>;
  /** SIGKILL, without a word to the client. */
  kill(): Promise<void>;
}

/** The two ends of transfers. */
export interface ServerPair {
  readonly sender: Station;
  readonly receiver: Station;
  /** Address under which the sender reaches the receiver. */
  readonly receiverAddress: string;
  /** Starts the killed receiver again, on the same ports and state. */
  restartReceiver(): Promise<Station>;
  stop(): Promise<void>;
}

interface StationOrder {
  readonly name: string;
  readonly node: WanNode | null;
  readonly ports?: { readonly apiPort: number; readonly recvPort: number };
}

const STOP_MS = 5000;

async function openStation(options: PairOptions, order: StationOrder): Promise<Station> {
  const { name, node, ports } = order;
  const directory = join(options.directory, name);
  mkdirSync(directory, { recursive: true });
  const server = await startServer({
    name,
    directory,
    ...ports,
    ...(node === null ? {} : { launcher: node.launcher }),
    ...(options.flags === undefined ? {} : { flags: options.flags }),
    ...(options.nodeFlags === undefined ? {} : { nodeFlags: options.nodeFlags }),
  });
  let door: ControlDoor | null = null;
  const end = async (drainMs: number): Promise<void> => {
    // A client whose server is dead has nobody to say goodbye to.
    await api?.close().catch(() => undefined);
    await door?.close();
    await server.stop(drainMs);
  };
  let api: Api | null = null;
  try {
    if (node !== null) {
      const socketPath = join(directory, `door-${server.ready.pid}`);
      door = await openControlDoor({
        launcher: node.launcher,
        port: server.ready.apiPort,
        socketPath,
      });
    }
    api = await connectTo(server, door?.port);
  } catch (error) {
    await end(0);
    throw error;
  }
  return {
    server,
    api,
    stop: () => end(STOP_MS),
    kill: async () => {
      await server.kill();
      await end(0);
    },
  };
}

/** Starts both servers and logs in. */
export async function openServerPair(options: PairOptions): Promise<ServerPair> {
  const { lab } = options;
  const opened = await Promise.allSettled([
    openStation(options, { name: 'sender', node: lab?.a ?? null }),
    openStation(options, { name: 'receiver', node: lab?.b ?? null }),
  ]);
  const [sender, receiver] = opened.map((result) =>
    result.status === 'fulfilled' ? result.value : null,
  );
  if (!sender || !receiver) {
    await Promise.all([sender?.stop(), receiver?.stop()]);
    throw opened.find((result) => result.status === 'rejected')?.reason;
  }
  let current = receiver;
  return {
    sender,
    get receiver() {
      return current;
    },
    receiverAddress: lab?.b.address ?? LOOPBACK,
    restartReceiver: async () => {
      const { apiPort, recvPort } = current.server.ready;
      current = await openStation(options, {
        name: 'receiver',
        node: lab?.b ?? null,
        ports: { apiPort, recvPort },
      });
      return current;
    },
    stop: async () => {
      await Promise.all([sender.stop(), current.stop()]);
    },
  };
}

/** What to send. */
export interface PairTransfer {
  /** File or directory at the sender. */
  readonly source: string;
  /** Directory at the receiver; made when missing. */
  readonly target: string;
  /** Name below `target` that the source arrives under. */
  readonly name: string;
  readonly checkpointSeconds?: number;
  /** UDP port in place of the receiver's own, for where UDP is not to pass. */
  readonly udpPort?: number;
}

/** A transfer that one more call starts. */
export interface PreparedTransfer {
  readonly totalFiles: number;
  readonly totalBytes: number;
  start(): Promise<TransferStructure>;
}

/** Makes token, manifest and destination, so that what is timed later is the transfer alone. */
export async function prepareTransfer(
  pair: ServerPair,
  wanted: PairTransfer,
): Promise<PreparedTransfer> {
  const { sender, receiver } = pair;
  await receiver.api.server.mkdir(wanted.target);
  const { token } = await receiver.api.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
  const manifest = await sender.api.send.createManifest({
    mappings: { [`/${wanted.name}`]: wanted.source },
  });
  const scanned = await sender.api.send.waitForManifest(manifest);
  if (scanned.status !== 'complete') throw new Error(`Manifest: ${scanned.errorMessage}`);
  const destination = await sender.api.send.createDestination(pair.receiverAddress, {
    destinationPort: wanted.udpPort ?? receiver.server.ready.recvPort,
    destinationControlPort: receiver.server.ready.apiPort,
    destinationToken: token,
  });
  const { checkpointSeconds } = wanted;
  return {
    totalFiles: scanned.totalFiles ?? 0,
    totalBytes: scanned.totalSize ?? 0,
    start: () =>
      sender.api.send.createTransfer(manifest, destination, {
        destinationPath: wanted.target,
        ...(checkpointSeconds === undefined
          ? {}
          : { checkpointFrequencySeconds: checkpointSeconds }),
      }),
  };
}

/** @throws {Error} If the transfer did not end well, with its message and those of its files. */
export function requireComplete(transfer: TransferStructure): void {
  const { status, errorMessage, fileErrors } = transfer;
  if (status === 'complete' && fileErrors.length === 0) return;
  const files = fileErrors
    .slice(0, 5)
    .map(({ destPath, message }) => `\n  ${destPath}: ${message}`);
  throw new Error(`The transfer ended with "${status}": ${errorMessage}${files.join('')}`);
}
