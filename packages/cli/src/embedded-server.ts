/**
 * The local end of a copy: the server of this user when one answers, else a server in this process
 * with a state directory of its own that lives as long as the command.
 */
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  type Api,
  defaultLocalKeyFiles,
  JetStream,
  MemoryKnownServers,
  readLocalKey,
  userDirectories,
} from '@jetstream/client';
import { DEFAULT_API_PORT } from '@jetstream/contract';
import type { Terminal } from './terminal.js';

const LOOPBACK = '127.0.0.1';
/** Milliseconds that a running server may take to answer before one is started instead. */
const ANSWER_MS_MAX = 2000;
/** Milliseconds that an embedded server may take to finish what it is doing. */
const DRAIN_MS = 2000;

/** A server on this machine that acts for the user. */
export interface LocalServer {
  readonly api: Api;
  readonly embedded: boolean;
  /** Path under which a receipt of this server stays readable after `close`. */
  keepReceipt(path: string): Promise<string>;
  close(): Promise<void>;
}

const connectByKey = async (file: string, port: number): Promise<Api | null> => {
  const api = new JetStream({
    localKeyFile: file,
    // The key file names the server's key; anything else that answers is not remembered.
    knownServers: new MemoryKnownServers(),
    connectTimeoutMs: ANSWER_MS_MAX,
  }).api(LOOPBACK, port);
  try {
    await api.connect();
    if (api.authenticated) return api;
  } catch {
    // No server of this user runs there; that is an answer too.
  }
  await api.close();
  return null;
};

const findRunning = async (files: readonly string[]): Promise<LocalServer | null> => {
  for (const file of files) {
    const key = readLocalKey(file);
    if (key === null) continue;
    const api = await connectByKey(file, key.apiPort ?? DEFAULT_API_PORT);
    if (api === null) continue;
    const { sandboxed } = await api.server.getServerInfo();
    if (sandboxed === false) {
      const keepReceipt = (path: string): Promise<string> => Promise.resolve(path);
      return { api, embedded: false, keepReceipt, close: () => api.close() };
    }
    await api.close();
  }
  return null;
};

const startEmbedded = async (terminal: Terminal): Promise<LocalServer> => {
  const { startServer } = await import('@jetstream/server');
  const stateDir = await mkdtemp(join(tmpdir(), 'jetstream-cp-'));
  const removeState = (): Promise<void> => rm(stateDir, { recursive: true, force: true });
  let stop: () => Promise<unknown> = () => Promise.resolve();
  try {
    const running = await startServer({
      apiPort: 0,
      apiHost: LOOPBACK,
      recvPort: 0,
      persistentStateDir: stateDir,
      logLevel: terminal.environment.JETSTREAM_DEBUG === '1' ? 'debug' : 'silent',
    });
    stop = () => running.stop({ drainMs: DRAIN_MS });
    const api = await connectByKey(join(stateDir, 'local.key'), running.ready.apiPort);
    if (api === null) throw new Error('Cannot log in to the embedded server by its local key');
    const receipts = join(userDirectories(terminal.environment).state, 'receipts');
    return {
      api,
      embedded: true,
      keepReceipt: async (path) => {
        const kept = join(receipts, basename(path));
        await mkdir(receipts, { recursive: true, mode: 0o700 });
        await copyFile(path, kept);
        return kept;
      },
      close: async () => {
        await api.close();
        await stop();
        await removeState();
      },
    };
  } catch (error) {
    await stop();
    await removeState();
    throw error;
  }
};

/** Finds or starts the local server. */
export const openLocalServer = async (
  terminal: Terminal,
  options: { readonly embedded?: boolean; readonly localKeyFile?: string },
): Promise<LocalServer> => {
  const { localKeyFile } = options;
  const files = localKeyFile === undefined ? defaultLocalKeyFiles() : [localKeyFile];
  const running = options.embedded ? null : await findRunning(files);
  return running ?? startEmbedded(terminal);
};
