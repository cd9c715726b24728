/** Small transfers between two servers of this machine, for benchmarks of transfers as such. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { type ManifestStructure, PERMISSIONS } from '@jetstream/contract';
import { connectTo } from '../../scripts/dist/server-client.js';
import { LOOPBACK, type ServerProcess, startServer } from '../../scripts/dist/server-process.js';

/** A sending and a receiving server, logged in to as superuser. */
export interface TransferPair {
  readonly sender: ServerProcess;
  readonly receiver: ServerProcess;
  readonly api: Api;
  readonly receiverApi: Api;
  /** API token of the receiver. */
  readonly token: string;
  /** Existing directory at the receiver. */
  readonly target: string;
  close(): Promise<void>;
}

/** Starts both servers below a directory, or starts them again there. */
export async function openPair(directory: string, readyTimeoutMs = 60_000): Promise<TransferPair> {
  const start = (name: string): Promise<ServerProcess> =>
    startServer({ name, directory: join(directory, name), readyTimeoutMs });
  const [sender, receiver] = [await start('sender'), await start('receiver')];
  const [api, receiverApi] = [await connectTo(sender), await connectTo(receiver)];
  await api.server.superuser();
  await receiverApi.server.superuser();
  const target = join(directory, 'target');
  mkdirSync(target, { recursive: true });
  const { token } = await receiverApi.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
  return {
    ...{ sender, receiver, api, receiverApi, token, target },
    close: async () => {
      await Promise.allSettled([api.close(), receiverApi.close()]);
      await Promise.all([sender.stop(), receiver.stop()]);
    },
  };
}

/** A manifest of so many files of a size each. */
export async function makeManifest(
  api: Api,
  files: { readonly directory: string; readonly count: number; readonly bytes: number },
): Promise<ManifestStructure> {
  mkdirSync(files.directory, { recursive: true });
  const content = Buffer.alloc(files.bytes, 7);
  for (let number = 0; number < files.count; number += 1) {
    writeFileSync(join(files.directory, `${number}.bin`), content);
  }
  const made = await api.send.createManifest({ mappings: { '/files': files.directory } });
  return api.send.waitForManifest(made, { timeoutSeconds: 60 });
}

/** A destination at the receiver; another ceiling makes another destination. */
export const makeDestination = (pair: TransferPair, sendRateMax: number) =>
  pair.api.send.createDestination(LOOPBACK, {
    destinationPort: pair.receiver.ready.recvPort,
    destinationToken: pair.token,
    sendRateMax,
  });
