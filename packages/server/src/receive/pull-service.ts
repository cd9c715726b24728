/**
 * Pulling: has another server send files here. This server acts as a client there, makes manifest,
 * destination and transfer, and follows the transfer until it has ended. The other server may store
 * files in one directory only, with a token of this server that ends with the transfer.
 */
import { randomUUID } from 'node:crypto';
import {
  CommandError,
  DEFAULT_API_PORT,
  destinationStructure,
  manifestStructure,
  type Params,
  PERMISSIONS,
  type TransferStructure,
  transferStructure,
} from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type {
  openRemoteControl,
  RemoteControl,
} from '../adapters/remote-control/remote-control.js';
import type { RequestWork } from '../control/handler.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { type Caller, ownershipOf } from '../sessions/caller.js';
import type { TokenService } from '../tokens/token-service.js';
import { RETRY_DAYS } from '../transfers/retry-policy.js';
import { parsePublicKey } from './public-key.js';

/** Longest wait within one call, in seconds. */
const WAIT_SECONDS = 2;
/** A scan that takes longer is sent while it goes on, in seconds. */
const SCAN_SECONDS = 1;
/** Pause after a call that found nobody, in milliseconds, and how many of those are borne. */
const AWAY_PAUSE_MS = 5000;
const AWAY_CALLS_MAX = 720;
const DAY_SECONDS = 86_400;

export interface PullServiceOptions {
  readonly tokens: Pick<TokenService, 'create' | 'remove'>;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly openRemote: typeof openRemoteControl;
  /** Key that a destination of the caller at this address has shown; null when there is none. */
  readonly knownKey: (caller: Caller, address: string) => string | null;
  /** Where other servers send to. */
  readonly own: () => { readonly port: number; readonly publicKey: string };
}

type Wish = Params<'recv.requestTransferAsync'>;

interface Pull {
  readonly caller: Caller;
  readonly wish: Wish;
  readonly remote: RemoteControl;
  readonly work: RequestWork;
}

/** @see the head of this file */
export class PullService {
  readonly #options: PullServiceOptions;

  constructor(options: PullServiceOptions) {
    this.#options = options;
  }

  /**
   * @returns The transfer as the other server shows it.
   * @throws {CommandError} Also what the other server answers.
   */
  async request(caller: Caller, wish: Wish, work: RequestWork): Promise<TransferStructure> {
    if (caller.token !== null) {
      throw new CommandError(
        'permission_denied',
        'Cannot ask for a transfer: the login is by API token, which cannot make another one, expected a user',
      );
    }
    const remote = this.#open(caller, wish);
    const pull: Pull = { caller, wish, remote, work };
    const manifestId = await this.#makeManifest(pull);
    const { tokens } = this.#options;
    const days = (wish.retryDays ?? RETRY_DAYS) + 1;
    const { token } = await tokens.create(caller, {
      path: wish.destinationPath,
      permissions: PERMISSIONS.UPLOAD,
      // What has begun by then goes on.
      timeLimitSeconds: DAY_SECONDS * days,
      description: `Upload by ${wish.remoteAddress} for requestTransfer`,
    });
    try {
      const transfer = await this.#makeTransfer(pull, { manifestId, token });
      if (wish.wait === false) return transfer;
      const ended = await this.#follow(pull, transfer);
      await tokens.remove(caller, token);
      return ended;
    } catch (error) {
      // While it may still be sending, the token lives until its time is over.
      if (!work.signal.aborted) await tokens.remove(caller, token).catch(() => undefined);
      throw error;
    }
  }

  #open(caller: Caller, wish: Wish): RemoteControl {
    const { remoteAddress: address, remotePort, remotePublicKey } = wish;
    const publicKey =
      typeof remotePublicKey === 'string'
        ? parsePublicKey(remotePublicKey, 'remotePublicKey')
        : this.#options.knownKey(caller, address);
    return this.#options.openRemote({
      address,
      port: remotePort ?? DEFAULT_API_PORT,
      publicKey,
      authorization: authorizationOf(wish),
      tokenSession: randomUUID(),
    });
  }

  /** @returns Its id; it may still be growing. */
  async #makeManifest({ wish, remote, work }: Pull): Promise<string> {
    const { signal } = work;
    const made = await remote.call('send.createManifest', { mappings: wish.mappings }, signal);
    const begun = manifestStructure.parse(made);
    const { manifestId } = begun;
    const wait = { manifestId, timeoutSeconds: SCAN_SECONDS };
    const manifest = await remote.call('send.waitForManifest', wait, signal).then(
      (answer) => manifestStructure.parse(answer),
      (error: unknown) => {
        if (codeOf(error) === 'timeout') return begun;
        throw error;
      },
    );
    if (manifest.status !== 'error') return manifestId;
    throw new CommandError(
      'manifest_not_ready',
      `The server at "${wish.remoteAddress}" cannot make the manifest: ${manifest.errorMessage}`,
    );
  }

  async #makeTransfer(
    pull: Pull,
    { manifestId, token }: { readonly manifestId: string; readonly token: string },
  ): Promise<TransferStructure> {
    const { caller, wish, remote, work } = pull;
    const own = this.#options.own();
    const destination = destinationStructure.parse(
      await remote.call(
        'send.createDestination',
        {
          destinationAddress: wish.ownAddress ?? remote.ownAddress ?? 'localhost',
          destinationPort: wish.ownPort ?? own.port,
          destinationPublicKey: own.publicKey,
        },
        work.signal,
      ),
    );
    const given = Object.entries({
      priority: wish.priority,
      overwriteMode: wish.overwriteMode,
      sendRateMax: wish.sendRateMax,
      rateControlMethod: wish.rateControlMethod,
      retryDays: wish.retryDays,
    }).filter(([, value]) => value != null);
    const { destinationId } = destination;
    const order = { manifestId, destinationId, destinationToken: token, whilePending: true };
    const transfer = transferStructure.parse(
      await remote.call(
        'send.createTransfer',
        { ...order, ...Object.fromEntries(given) },
        work.signal,
      ),
    );
    await this.#options.events.append('transferRequested', {
      remoteAddress: wish.remoteAddress,
      transferId: transfer.transferId,
      ...ownedBy(ownershipOf(caller)),
    });
    return transfer;
  }

  /** Follows a transfer to its end; a request that is cancelled cancels it. */
  async #follow(pull: Pull, first: TransferStructure): Promise<TransferStructure> {
    const { remote, work } = pull;
    const { transferId } = first;
    let transfer = first;
    for (let away = 0; transfer.processing; ) {
      work.progress(progressOf(transfer));
      try {
        const wait = { transferId, timeoutSeconds: WAIT_SECONDS };
        const answer = await remote.call('send.waitForTransfer', wait, work.signal);
        transfer = transferStructure.parse(answer);
        away = 0;
      } catch (error) {
        if (work.signal.aborted) {
          await this.#cancel(pull, transferId);
          throw error;
        }
        const code = codeOf(error);
        if (code === 'timeout') {
          away = 0;
          transfer = await this.#look(pull, transfer);
        } else if (code === 'destination_unreachable' || code === 'shutting_down') {
          away += 1;
          if (away > AWAY_CALLS_MAX) throw error;
          await this.#pause();
        } else {
          throw error;
        }
      }
    }
    work.progress(progressOf(transfer));
    return transfer;
  }

  /** The transfer now; as it was when nobody answers. */
  async #look({ remote, work }: Pull, known: TransferStructure): Promise<TransferStructure> {
    const { transferId } = known;
    const answer = await remote
      .call('send.getTransfer', { transferId }, work.signal)
      .catch((error: unknown) => {
        if (codeOf(error) === 'destination_unreachable') return known;
        throw error;
      });
    return transferStructure.parse(answer);
  }

  async #cancel({ remote }: Pull, transferId: string): Promise<void> {
    const signal = AbortSignal.timeout(AWAY_PAUSE_MS);
    await remote.call('send.cancelTransfer', { transferId }, signal).catch(() => undefined);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(AWAY_PAUSE_MS, resolve);
    });
  }
}

const codeOf = (error: unknown): string | null =>
  error instanceof CommandError ? error.code : null;

const progressOf = (transfer: TransferStructure): Record<string, number> => ({
  totalBytes: transfer.totalBytes ?? 0,
  totalFiles: transfer.totalFiles ?? 0,
  bytesDurable: transfer.bytesDurable,
  blocksAcked: transfer.blocksAcked,
  sendRate: transfer.sendRate,
});

/** @throws {CommandError} `invalid_params` unless there is one way to log in. */
const authorizationOf = ({ userName, password, token }: Wish): string => {
  const basic = (name: string, secret: string): string =>
    `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
  if (typeof token === 'string' && userName == null) {
    return typeof password === 'string' ? basic(token, password) : `Bearer ${token}`;
  }
  if (typeof userName === 'string' && typeof password === 'string' && token == null) {
    return basic(userName, password);
  }
  throw new CommandError(
    'invalid_params',
    'Cannot log in at the other server: expected "userName" and "password", or "token"',
    { details: { parameter: 'userName' } },
  );
};
