/**
 * One copy, once both servers are known: the receiver grants a token, the sender makes a manifest
 * and a destination and starts the transfer, and we watch it to its end.
 */
import { hostname } from 'node:os';
import type { Api } from '@jetstream/client';
import {
  BLOCK_BYTES,
  CommandError,
  type Params,
  PERMISSIONS,
  type TransferStructure,
} from '@jetstream/contract';
import type { CopyView } from './copy-view.js';
import { EXIT } from './exit-codes.js';
import { CliError } from './failure.js';
import { interruption } from './interruption.js';
import { type LeftOut, leftOutOf } from './left-out.js';
import { ProgressMeter } from './progress-meter.js';

/**
 * Life of the receiver's token. It is deleted at the end; this is for a command that was killed.
 * It has to outlast the transfer and its attempts, because the receiver asks for it all the while.
 */
const TOKEN_SECONDS = 7 * 86_400;
/** Seconds after which a manifest that is still being made is sent as far as it is known. */
const MANIFEST_SECONDS = 1;
/** Milliseconds between looks at a running transfer. */
const LOOK_INTERVAL_MS = 400;
/** Milliseconds that a cancelled transfer may take to end. */
const CANCEL_MS_MAX = 5000;

type ManifestParams = Params<'send.createManifest'>;
type TransferParams = Params<'send.createTransfer'>;

/** What is copied: mappings for a manifest to be made, or a manifest that is there, and where to. */
export type CopyContent =
  | CopyMappings
  | { readonly manifestId: string; readonly destinationPath: string };

/** Sources to be scanned; of the choices, null is the server's default. */
export interface CopyMappings extends Pick<ManifestParams, 'symlinks' | 'include' | 'exclude'> {
  readonly mappings: Readonly<Record<string, string>>;
  /** Directory at the receiver that the mappings are below; none for absolute targets. */
  readonly destinationPath: string | null;
}

/** A copy to be made. */
export interface CopyOrder {
  readonly sender: Api;
  readonly receiver: Api;
  /** Address under which the sender reaches the receiver. */
  readonly receiverAddress: string;
  /** API token that the receiver was logged in to with; reused, as it cannot make another. */
  readonly receiverToken: string | null;
  readonly content: CopyContent;
  /** How it is delivered; null or absent for the server's default. */
  readonly delivery?: Pick<TransferParams, 'overwriteMode' | 'onFileError' | 'publish'>;
  readonly sendRateMaxKbps?: number;
  readonly view: CopyView;
  readonly signal: AbortSignal;
}

/** How a copy ended. */
export interface CopyEnd {
  readonly transfer: TransferStructure;
  /** What the manifest made for it leaves out; null when none was made, or nobody tells. */
  readonly leftOut: LeftOut | null;
}

interface Grant {
  readonly token: string;
  readonly revoke: () => Promise<void>;
}

const grantUpload = async ({ receiver, receiverToken }: CopyOrder): Promise<Grant> => {
  const { tokenSession, APITokensAvailable } = await receiver.server.getServerInfo();
  if (tokenSession !== null && receiverToken !== null) {
    return { token: receiverToken, revoke: async () => undefined };
  }
  if (!APITokensAvailable) {
    const text = `Cannot copy to "${receiver.address}": its API tokens are switched off`;
    throw new CliError(text, {
      exitCode: EXIT.refused,
      code: 'permission_denied',
      hint: 'An operator can authorise the sender by recv.addAuthorizedClientAsync instead',
    });
  }
  const { token } = await receiver.server.createAPIToken({
    permissions: PERMISSIONS.UPLOAD,
    timeLimitSeconds: TOKEN_SECONDS,
    description: `jetstream cp on ${hostname()}`.slice(0, 200),
  });
  const revoke = async (): Promise<void> => {
    await receiver.server.deleteAPIToken(token);
  };
  return { token, revoke };
};

const makeManifest = async (
  { sender, signal }: CopyOrder,
  { destinationPath: _, ...params }: CopyMappings,
): Promise<string> => {
  const { manifestId } = await sender.send.createManifest({
    ...params,
    mappings: { ...params.mappings },
  });
  try {
    const wait = { timeoutSeconds: MANIFEST_SECONDS };
    const scanned = await sender.send.waitForManifest(manifestId, wait, { signal });
    if (scanned.status !== 'error') return manifestId;
    throw new CommandError('manifest_not_ready', scanned.errorMessage);
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== 'timeout') throw error;
    return manifestId;
  }
};

const createTransfer = async (order: CopyOrder, token: string): Promise<TransferStructure> => {
  const { sender, receiver, sendRateMaxKbps, content, delivery } = order;
  const manifestId =
    'mappings' in content ? await makeManifest(order, content) : content.manifestId;
  const { publicKey, receiver: receiving } = await receiver.server.getServerInfo();
  const destination = await sender.send.createDestination(order.receiverAddress, {
    destinationPort: receiving.port,
    destinationControlPort: receiver.port,
    destinationPublicKey: publicKey,
    ...(sendRateMaxKbps === undefined ? {} : { sendRateMax: sendRateMaxKbps }),
  });
  return sender.send.createTransfer(manifestId, destination.destinationId, {
    destinationToken: token,
    destinationPath: content.destinationPath,
    whilePending: true,
    ...delivery,
  });
};

/** Bytes that count as done: durable ones, or acknowledged ones that will be durable soon. */
const doneBytes = (transfer: TransferStructure): number =>
  Math.max(
    transfer.bytesDurable,
    Math.min(transfer.blocksAcked * BLOCK_BYTES, transfer.totalBytes ?? 0),
  );

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });

const watch = async (order: CopyOrder, transferId: string): Promise<TransferStructure> => {
  const { sender, view, signal } = order;
  const meter = new ProgressMeter(0, performance.now());
  let path: string | null = null;
  const show = (transfer: TransferStructure): void => {
    if (transfer.path !== path && transfer.path === 'tcp') {
      view.note(`Over TCP: ${transfer.pathReason ?? 'UDP does not pass'}`);
    }
    path = transfer.path;
    const totalBytes = transfer.totalBytes ?? 0;
    const { totalsGrow } = transfer;
    const progress = { doneBytes: doneBytes(transfer), totalBytes, totalsGrow };
    view.progress(meter.update(progress, performance.now()));
  };
  const ended = sender.send.waitForTransfer(transferId);
  // Its failure is seen where it is awaited below; until then it must not count as unhandled.
  ended.catch(() => undefined);
  while (!signal.aborted) {
    const final = await Promise.race([ended, pause(LOOK_INTERVAL_MS, signal)]);
    const transfer = final ?? (await sender.send.getTransfer(transferId));
    show(transfer);
    if (final !== undefined) return final;
  }
  view.note('Cancelling; interrupt again to quit at once');
  await sender.send.cancelTransfer(transferId);
  await Promise.race([ended, pause(CANCEL_MS_MAX, new AbortController().signal)]);
  throw interruption();
};

/**
 * Makes the copy.
 *
 * @returns The transfer as it ended, whether well or not.
 * @throws {CliError} With the exit code for an interruption, after the transfer was cancelled.
 */
export const runCopy = async (order: CopyOrder): Promise<CopyEnd> => {
  const { sender, content, signal, view } = order;
  const grant = await grantUpload(order);
  try {
    const startMs = performance.now();
    const created = await createTransfer(order, grant.token);
    const elapsedMs = performance.now() - startMs;
    const transfer = await watch(order, created.transferId);
    const { manifestId, requestTime: timeUs } = created;
    const isMade = 'mappings' in content;
    const leftOut = isMade ? await leftOutOf(sender, { manifestId, timeUs, elapsedMs }) : null;
    return { transfer, leftOut };
  } catch (error) {
    throw signal.aborted ? interruption() : error;
  } finally {
    view.done();
    // A token that cannot be deleted now ends by itself.
    await grant.revoke().catch(() => undefined);
  }
};
