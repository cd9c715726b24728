/** Manifests, destinations and transfers of the suite, from the server under test to the second. */
import { randomUUID } from 'node:crypto';
import type {
  DestinationStructure,
  ManifestStructure,
  TransferStructure,
} from '@jetstream/contract';
import { afterAll } from 'vitest';
import { type Parameters, type Role, type Session, type Sessions, target } from './sessions.js';

/** The second server, as a receiver. */
export interface Receiver {
  readonly session: Session;
  readonly publicKey: string;
  readonly recvPort: number;
  /** API token with the right to upload. */
  readonly token: string;
  /** A directory there, removed after the file's last test. */
  readonly directory: string;
}

/** What a test of the send interface works with. */
export interface Sending {
  /** A complete manifest of one file of a size. */
  manifest(size?: number, role?: Role): Promise<ManifestStructure>;
  /** A destination that nothing answers at. */
  nowhere(params?: Parameters, role?: Role): Promise<DestinationStructure>;
  /** A destination at the second server. */
  destination(params?: Parameters, role?: Role): Promise<DestinationStructure>;
  receiver(): Promise<Receiver>;
  /** A transfer that ends by itself. */
  transfer(params?: Parameters, role?: Role): Promise<TransferStructure>;
  /** A transfer of 64 MiB at 8 Mbit/s, which takes longer than any test. */
  slowTransfer(params?: Parameters, role?: Role): Promise<TransferStructure>;
  /** A transfer to nowhere, which waits for its turn or the next attempt. */
  waitingTransfer(params?: Parameters, role?: Role): Promise<TransferStructure>;
  /** Waits for the end of a transfer. */
  ended(transferId: string): Promise<TransferStructure>;
  /** Waits until a transfer has moved something. */
  moving(transferId: string): Promise<TransferStructure>;
}

/** Whether the target has a second server to send to. */
export const hasPeer = target.peer !== null;

const SLOW_BYTES = 67_108_864;
const SLOW_KBPS = 8000;

const openReceiver = async (sessions: Sessions): Promise<Receiver> => {
  const session = await sessions.peer();
  const info = await session.call<{ publicKey: string; receiver: { port: number } }>(
    'getServerInfo',
  );
  const { token } = await session.call<{ token: string }>('createAPIToken', { permissions: 2 });
  const directory = `${target.directory}/received-${randomUUID()}`;
  await session.result('mkdirAsync', { path: directory });
  const { publicKey, receiver } = info;
  return { session, token, directory, publicKey, recvPort: receiver.port };
};

type Prerequisites = Pick<Sending, 'manifest' | 'nowhere' | 'destination' | 'receiver'>;

/** What a transfer needs. */
const prerequisites = (sessions: Sessions, receiver: () => Promise<Receiver>): Prerequisites => ({
  receiver,
  manifest: async (size = 1000, role = 'user') => {
    const session = await sessions.as(role);
    const path = `${await sessions.scratch()}/file.bin`;
    await session.result('mkFileAsync', { path, size });
    const mappings = { '/file.bin': path };
    const { manifestId } = await session.call<ManifestStructure>('send.createManifest', {
      mappings,
    });
    return session.call('send.waitForManifest', { manifestId, timeoutSeconds: 30 });
  },
  nowhere: async (params = {}, role = 'user') =>
    (await sessions.as(role)).call('send.createDestination', {
      // Nothing listens on the discard port.
      ...{ destinationAddress: '127.0.0.1', destinationPort: 9 },
      ...params,
    }),
  destination: async (params = {}, role = 'user') => {
    const { recvPort, token } = await receiver();
    return (await sessions.as(role)).call('send.createDestination', {
      ...{ destinationAddress: target.peer?.host ?? '', destinationPort: recvPort },
      ...{ destinationToken: token, ...params },
    });
  },
});

/** Waits until a check of a transfer holds. @throws {Error} After 30 s. */
const awaitTransfer = async (
  sessions: Sessions,
  transferId: string,
  holds: (transfer: TransferStructure) => boolean,
): Promise<TransferStructure> => {
  const superuser = await sessions.as('superuser');
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; ) {
    const transfer = await superuser.call<TransferStructure>('send.getTransfer', { transferId });
    if (holds(transfer)) return transfer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Transfer ${transferId} does not move`);
};

/** Opens the helpers of one test file; transfers that still run are cancelled after its last test. */
export function openSending(sessions: Sessions): Sending {
  const started: string[] = [];
  let opened: Promise<Receiver> | null = null;
  const receiver = (): Promise<Receiver> => {
    opened ??= openReceiver(sessions);
    return opened;
  };
  const needs = prerequisites(sessions, receiver);
  const start = async (params: Parameters, role: Role): Promise<TransferStructure> => {
    const session = await sessions.as(role);
    const transfer = await session.call<TransferStructure>('send.createTransfer', { ...params });
    started.push(transfer.transferId);
    return transfer;
  };
  const transfer = async (params: Parameters = {}, role: Role = 'user') => {
    const { directory } = await receiver();
    const { destinationId } = await needs.destination({}, role);
    const { manifestId } = await needs.manifest(1000, role);
    const destinationPath = `${directory}/${randomUUID()}`;
    return start({ manifestId, destinationId, destinationPath, ...params }, role);
  };
  afterAll(async () => {
    const superuser = await sessions.as('superuser');
    const cancel = (transferId: string) => superuser.call('send.cancelTransfer', { transferId });
    await Promise.allSettled(started.map(cancel));
    if (opened === null) return;
    const { session, directory } = await opened;
    await session.result('rmAsync', { path: directory }).catch(() => undefined);
  });
  return {
    ...needs,
    transfer,
    slowTransfer: async (params = {}, role = 'user') => {
      const { manifestId } = await needs.manifest(SLOW_BYTES, role);
      const slow = { manifestId, sendRateMax: SLOW_KBPS, checkpointFrequencySeconds: 0.2 };
      return transfer({ ...slow, ...params }, role);
    },
    waitingTransfer: async (params = {}, role = 'user') => {
      const { destinationId } = await needs.nowhere({}, role);
      const { manifestId } = await needs.manifest(1000, role);
      return start({ manifestId, destinationId, ...params }, role);
    },
    ended: async (transferId) => {
      const superuser = await sessions.as('superuser');
      return superuser.call('send.waitForTransfer', { transferId, timeoutSeconds: 60 });
    },
    moving: (transferId) =>
      awaitTransfer(
        sessions,
        transferId,
        ({ bytesDurable, processing }) => bytesDurable > 0 || !processing,
      ),
  };
}
