/** The two servers of a copy, opened by what its sources and its target name. */
import { lstat, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Api } from '@jetstream/client';
import {
  CommandError,
  FILETYPE_DIRECTORY,
  FILETYPE_ROOT,
  type TransferStructure,
} from '@jetstream/contract';
import type { CopySource, CopyTarget, PathKind } from './copy-plan.js';
import { type LocalServer, openLocalServer } from './embedded-server.js';
import type { Endpoint, RemoteEndpoint } from './endpoint.js';
import { usageError } from './failure.js';
import { connectAndLogIn } from './login.js';
import type { Terminal } from './terminal.js';

/** Milliseconds without a connection to an API; the transfer itself goes on meanwhile. */
const COPY_PATIENCE_MS = 600_000;

/** What a copy names. */
export interface CopyRequest {
  readonly sources: readonly Endpoint[];
  readonly target: Endpoint;
  readonly flags: {
    readonly apiControlPort: number;
    readonly receiveAddress?: string;
    readonly embedded?: boolean;
    readonly localKeyFile?: string;
    readonly json?: boolean;
    readonly quiet?: boolean;
  };
}

/** Both servers, and what stands at the paths on them. */
export interface CopyServers {
  readonly sender: Api;
  readonly receiver: Api;
  readonly receiverAddress: string;
  readonly receiverToken: string | null;
  /** @throws {CommandError} `path_not_found` when a source is not there. */
  describeSources(): Promise<CopySource[]>;
  describeTarget(): Promise<CopyTarget>;
  /** Where this machine, or else the sender, keeps the receipt of a transfer that has ended. */
  receiptPath(transfer: TransferStructure): Promise<string | null>;
  close(): Promise<void>;
}

/** Path as the server that holds it sees it. */
const pathOf = (place: Endpoint): string =>
  place.kind === 'local' ? resolve(place.path) : place.path;

const localKind = async (path: string): Promise<PathKind> => {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file';
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      // A link to nothing is there all the same; what happens to it is up to the manifest.
      const isLink = await lstat(path).then(
        () => true,
        () => false,
      );
      return isLink ? 'file' : 'absent';
    }
    const contractCode =
      code === 'EACCES' ? 'permission_denied' : code === 'ENOTDIR' ? 'path_not_found' : 'io_error';
    throw new CommandError(contractCode, `Cannot look at "${path}": ${code ?? String(cause)}`, {
      cause,
    });
  }
};

const remoteKind = async (api: Api, path: string): Promise<PathKind> => {
  if (/^([^/:]+:)?\/+$/.test(path)) return 'directory';
  try {
    const { files } = await api.server.ls(path.replace(/\/+$/, ''), { directory: true });
    const type = files[0]?.type;
    return type === FILETYPE_DIRECTORY || type === FILETYPE_ROOT ? 'directory' : 'file';
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // A token that may only upload cannot look; then the target counts as new.
    if (error.code === 'path_not_found' || error.code === 'permission_denied') return 'absent';
    throw error;
  }
};

const kindOf = (place: Endpoint, api: Api): Promise<PathKind> =>
  place.kind === 'local' ? localKind(pathOf(place)) : remoteKind(api, place.path);

const textOf = (place: Endpoint): string => place.path;

const nothingThere = (path: string, where = ''): CommandError =>
  new CommandError('path_not_found', `Cannot copy "${path}"${where}: nothing is there`, {
    details: { path },
  });

const describeSource = async (place: Endpoint, api: Api): Promise<CopySource> => {
  const kind = await kindOf(place, api);
  const path = pathOf(place);
  if (kind === 'absent') throw nothingThere(path, ` on "${api.address}"`);
  return { path, kind, text: textOf(place) };
};

/** A mistyped local source should not cost a login first. */
const checkLocalSources = async (sources: readonly Endpoint[]): Promise<void> => {
  for (const source of sources) {
    if (source.kind !== 'local') continue;
    const path = pathOf(source);
    if ((await localKind(path)) === 'absent') throw nothingThere(path);
  }
};

const sameServer = (a: RemoteEndpoint, b: Endpoint): boolean =>
  b.kind === 'remote' && a.host === b.host && a.port === b.port && a.user === b.user;

/** The server that all sources are on; null for this machine. */
const sourceServer = (sources: readonly Endpoint[]): RemoteEndpoint | null => {
  const remote = sources.find((source) => source.kind === 'remote') ?? null;
  if (remote !== null && !sources.every((source) => sameServer(remote, source))) {
    throw usageError('Cannot copy from several servers at once: expected sources on one');
  }
  return remote;
};

const withoutMapping = (address: string): string => address.replace(/^::ffff:(?=\d)/, '');

const openRemote = (terminal: Terminal, place: RemoteEndpoint, request: CopyRequest) =>
  connectAndLogIn(terminal, {
    host: place.host,
    port: place.port ?? request.flags.apiControlPort,
    user: place.user ?? undefined,
    quiet: request.flags.json === true,
    patienceMs: COPY_PATIENCE_MS,
  });

interface Opened {
  readonly local: LocalServer | null;
  readonly sender: Api;
  readonly receiver: Api;
}

const openBoth = async (terminal: Terminal, request: CopyRequest): Promise<Opened> => {
  const from = sourceServer(request.sources);
  const to = request.target.kind === 'remote' ? request.target : null;
  if (from === null && to === null) {
    throw usageError(
      'Cannot copy: all paths are on this machine, expected a server on one side at least',
      'A path on a server is [user@]host[:port]:/path',
    );
  }
  await checkLocalSources(request.sources);
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(resource: T): T => {
    opened.push(resource);
    return resource;
  };
  try {
    // Remote servers first: a wrong password is known before a local server is started.
    const fromApi = from === null ? null : keep(await openRemote(terminal, from, request));
    const toApi = to === null ? null : keep(await openRemote(terminal, to, request));
    if (fromApi !== null && toApi !== null)
      return { local: null, sender: fromApi, receiver: toApi };
    const local = await openLocalServer(terminal, request.flags);
    return { local, sender: fromApi ?? local.api, receiver: toApi ?? local.api };
  } catch (error) {
    for (const resource of opened.reverse()) await resource.close();
    throw error;
  }
};

/** Opens both servers; `close` closes them. */
export const openCopyServers = async (
  terminal: Terminal,
  request: CopyRequest,
): Promise<CopyServers> => {
  const { sources, target, flags } = request;
  const { local, sender, receiver } = await openBoth(terminal, request);
  const isPull = receiver === local?.api;
  const receiverAddress = isPull
    ? (flags.receiveAddress ?? withoutMapping(sender.localAddress ?? ''))
    : receiver.host;
  return {
    sender,
    receiver,
    receiverAddress,
    receiverToken: isPull ? null : (terminal.environment.JETSTREAM_API_TOKEN ?? null),
    describeSources: () => Promise.all(sources.map((place) => describeSource(place, sender))),
    describeTarget: async () => ({
      path: pathOf(target),
      kind: await kindOf(target, receiver),
      text: textOf(target),
    }),
    receiptPath: async ({ transferId, receiptPath }) => {
      if (local === null) return receiptPath;
      const transfers = isPull ? await receiver.recv.getTransfers() : [];
      const received = transfers.find((transfer) => transfer.transferId === transferId);
      const path = isPull ? (received?.receiptPath ?? null) : receiptPath;
      return path === null ? null : local.keepReceipt(path);
    },
    close: async () => {
      if (sender !== local?.api) await sender.close();
      if (receiver !== local?.api) await receiver.close();
      await local?.close();
    },
  };
};
