/**
 * Real servers for tests: each its own process with its own state directory, all below one
 * temporary directory that vanishes with them, after it was searched for secrets and open doors.
 *
 * ```ts
 * await using lab = openLab();
 * const server = await lab.start('paris');
 * const api = await lab.login(server);
 * ```
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Api, FileKnownServers, JetStream } from '@jetstream/client';
import { PERMISSIONS, type TransferStructure } from '@jetstream/contract';
import { connectTo } from '../../scripts/server-client.js';
import {
  cliPath,
  LOOPBACK,
  logTail,
  type ServerProcess,
  type ServerProcessOptions,
  startServer,
} from '../../scripts/server-process.js';
import { findLabSecrets, secretsOf } from './lab-secrets.js';
import { openToOthers } from './open-state.js';

/** Servers, clients and directories of one test. */
export interface Lab extends AsyncDisposable {
  /** A path below the lab's directory; its parents exist. */
  path(...names: string[]): string;
  /** Starts a server on free ports. */
  start(name: string, options?: Partial<ServerProcessOptions>): Promise<ServerProcess>;
  /** Starts a server that has ended again, on the same ports and state. */
  restart(server: ServerProcess): Promise<ServerProcess>;
  /** A client logged in as the server's own user. */
  login(server: ServerProcess): Promise<Api>;
  /** A client that is neither connected nor logged in; what it trusts is kept in the lab. */
  client(server: ServerProcess): Api;
}

/** Opens a lab; disposing of it closes clients, stops servers and removes the directory. */
export function openLab(): Lab {
  const directory = mkdtempSync(join(tmpdir(), 'jetstream-test-'));
  const servers = new Map<string, ServerProcess>();
  const options = new Map<string, Partial<ServerProcessOptions>>();
  const clients: Api[] = [];
  const begin = async (start: ServerProcessOptions): Promise<ServerProcess> => {
    const server = await startServer(start);
    servers.set(start.name, server);
    return server;
  };
  return {
    path: (...names) => {
      const path = join(directory, ...names);
      mkdirSync(join(path, '..'), { recursive: true });
      return path;
    },
    start: (name, more = {}) => {
      options.set(name, more);
      return begin({ name, directory: join(directory, name), ...more });
    },
    restart: ({ name, directory: place, ready }) =>
      begin({
        ...options.get(name),
        name,
        directory: place,
        apiPort: ready.apiPort,
        recvPort: ready.recvPort,
      }),
    login: async (server) => {
      const api = await connectTo(server);
      clients.push(api);
      return api;
    },
    client: (server) => {
      const knownServers = new FileKnownServers(join(directory, 'known_servers'));
      const jetstream = new JetStream({ knownServers, localKeyFile: false });
      const api = jetstream.api(LOOPBACK, server.ready.apiPort);
      clients.push(api);
      return api;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(clients.map((api) => api.close()));
      const open = [...servers.values()].flatMap(({ stateDir }) => openToOthers(stateDir));
      await Promise.allSettled([...servers.values()].map((server) => server.stop(5000)));
      const places = [...servers.values()].map((server) => server.directory);
      const found = findLabSecrets(places, given);
      rmSync(directory, { recursive: true, force: true });
      if (found.length > 0) throw new Error(`Secrets lie in clear text: ${found.join('; ')}`);
      if (open.length > 0) throw new Error(`State is open to others: ${open.join('; ')}`);
    },
  };
}

/** Secrets that the command line was given in this process. */
const given = new Set<string>();

/** How a command of the CLI ended. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the CLI without a terminal. */
export function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  for (const secret of secretsOf(environment)) given.add(secret);
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    const child = execFile(
      process.execPath,
      [cliPath(), ...args],
      { env, timeout: 60_000 },
      (_error, stdout, stderr) => resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

/** What to send from one server to another. */
export interface TransferRequest {
  readonly sender: Api;
  readonly receiver: Api;
  readonly receivingServer: ServerProcess;
  /** Directory at the sender; arrives as `<target>/tree`. */
  readonly source: string;
  readonly target: string;
  /** Ceiling in kbit/s, for tests that need time to interfere. */
  readonly sendRateMax?: number;
  /** UDP port in place of the receiver's own, for tests where UDP does not pass. */
  readonly udpPort?: number;
  /** Key that the receiver must have. */
  readonly publicKey?: string;
}

/** Orders a transfer that the receiver permits by a token of its own. */
export async function orderTransfer(request: TransferRequest): Promise<TransferStructure> {
  const { sender, receiver, receivingServer, source, target, sendRateMax } = request;
  const { ready } = receivingServer;
  await receiver.server.mkdir(target);
  const { token } = await receiver.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
  const manifest = await sender.send.createManifest({ mappings: { '/tree': source } });
  await sender.send.waitForManifest(manifest, { timeoutSeconds: 30 });
  const destination = await sender.send.createDestination(LOOPBACK, {
    destinationPort: request.udpPort ?? ready.recvPort,
    destinationControlPort: ready.apiPort,
    destinationPublicKey: request.publicKey ?? null,
    destinationToken: token,
    sendRateMax: sendRateMax ?? null,
  });
  return sender.send.createTransfer(manifest, destination, {
    destinationPath: target,
    checkpointFrequencySeconds: 0.5,
  });
}

/** Content that has left the sender, again and again included. */
export const sentBytesOf = ({ blocksSent, blockSize }: TransferStructure): number =>
  blocksSent * blockSize;

/**
 * Content that was durable at a break and was sent again after it.
 *
 * @param done The transfer at its end.
 * @param halfway The transfer shortly before the break: what it had sent and was not yet durable has
 * to be sent again.
 */
export const sentAgainOf = (done: TransferStructure, halfway: TransferStructure): number => {
  const underWay = sentBytesOf(halfway) - halfway.bytesDurable;
  return sentBytesOf(done) - (done.totalBytes ?? 0) - underWay;
};

/**
 * Waits until a transfer has made at least `bytes` durable at the receiver and is still running.
 *
 * @throws {Error} If it ends first, or after 30 s.
 */
export async function awaitDurable(
  sender: Api,
  transferId: string,
  bytes: number,
): Promise<TransferStructure> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const transfer = await sender.send.getTransfer(transferId);
    if (!transfer.processing) {
      throw new Error(`The transfer ended first: ${transfer.status} ${transfer.errorMessage}`);
    }
    if (transfer.bytesDurable >= bytes) return transfer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`The transfer made less than ${bytes} bytes durable in 30 s`);
}

/** Waits for the end; the error of a transfer that fails shows what both servers logged. */
export async function awaitComplete(
  sender: Api,
  transferId: string,
  servers: readonly ServerProcess[],
): Promise<TransferStructure> {
  const transfer = await sender.send.waitForTransfer(transferId, { timeoutSeconds: 90 });
  if (transfer.status === 'complete' && transfer.fileErrors.length === 0) return transfer;
  const logs = servers.map((server) => `--- ${server.name}\n${logTail(server.logPath)}`);
  throw new Error(
    `The transfer ended with "${transfer.status}": ${transfer.errorMessage} ` +
      `${JSON.stringify(transfer.fileErrors)}\n${logs.join('\n')}`,
  );
}
