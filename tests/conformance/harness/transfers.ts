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

/** Opens the helpers of one test file; transfers that still run are cancelled after its last test. */
export function openSending(sessions: Sessions): Sending {
  const started: string[] = [];
  let receiver: Promise<Receiver> | null = null;
  const openReceiver = async (): Promise<Receiver> => {
    const session = await sessions.peer();
    const info = await session.call<{ publicKey: string; receiver: { port: number } }>(
      'getServerInfo',
    );
    const { token } = await session.call<{ token: string }>('createAPIToken', { permissions: 2 });
    const directory = `${target.directory}/received-${randomUUID()}`;
    await session.result('mkdirAsync', { path: directory });
    return {
      ...{ session, token, directory },
      ...{ publicKey: info.publicKey, recvPort: info.receiver.port },
    };
  };
  const sending: Sending = {
    receiver: () => {
      receiver ??= openReceiver();
      return receiver;
    },
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
      const { recvPort, token } = await sending.receiver();
      return (await sessions.as(role)).call('send.createDestination', {
        ...{ destinationAddress: target.peer?.host ?? '', destinationPort: recvPort },
        ...{ destinationToken: token, ...params },
      });
    },
    transfer: async (params = {}, role = 'user') => {
      const session = await sessions.as(role);
      const { directory } = await sending.receiver();
      const { destinationId } = await sending.destination({}, role);
      const { manifestId } = await sending.manifest(1000, role);
      const transfer = await session.call<TransferStructure>('send.createTransfer', {
        ...{ manifestId, destinationId, destinationPath: `${directory}/${randomUUID()}` },
        ...params,
      });
      started.push(transfer.transferId);
      return transfer;
    },
    slowTransfer: async (params = {}, role = 'user') => {
      const { manifestId } = await sending.manifest(SLOW_BYTES, role);
      const slow = { manifestId, sendRateMax: SLOW_KBPS, checkpointFrequencySeconds: 0.2 };
      return sending.transfer({ ...slow, ...params }, role);
    },
    waitingTransfer: async (params = {}, role = 'user') => {
      const session = await sessions.as(role);
      const { destinationId } = await sending.nowhere({}, role);
      const { manifestId } = await sending.manifest(1000, role);
      const transfer = await session.call<TransferStructure>('send.createTransfer', {
        ...{ manifestId, destinationId, ...params },
      });
      started.push(transfer.transferId);
      return transfer;
    },
    ended: async (transferId) => {
      const superuser = await sessions.as('superuser');
      return superuser.call('send.waitForTransfer', { transferId, timeoutSeconds: 60 });
    },
    moving: async (transferId) => {
      const superuser = await sessions.as('superuser');
      for (let look = 0; look < 1500; look += 1) {
        const transfer = await superuser.call<TransferStructure>('send.getTransfer', {
          transferId,
        });
        if (transfer.bytesDurable > 0 || !transfer.processing) return transfer;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`Transfer ${transferId} does not move`);
    },
  };
  afterAll(async () => {
    const superuser = await sessions.as('superuser');
    const cancel = (transferId: string) => superuser.call('send.cancelTransfer', { transferId });
    await Promise.allSettled(started.map(cancel));
    if (receiver === null) return;
    const { session, directory } = await receiver;
    await session.result('rmAsync', { path: directory }).catch(() => undefined);
  });
  return sending;
}
