/** Methods about the server itself: `getServerInfo`, `echo`, `sleep`, `terminate`. */
import {
  API_VERSION,
  BUILD_VERSION,
  CommandError,
  type GarbageCollectStructure,
  MIN_CIPHER_ENCRYPTED_128,
  MIN_CIPHER_NONE,
  type ServerInformation,
} from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { ServerConfig } from '../config/server-options.js';
import type { EventLog } from '../events/event-log.js';
import type { ServerSettings } from '../server-info/server-settings.js';
import type { Caller } from '../sessions/caller.js';
import { type CallContext, callerOf, type Handlers } from './handler.js';

export type ServerMethod = 'getServerInfo' | 'echo' | 'sleep' | 'terminate';

/** How this server receives, once its data plane is up. */
export interface ReceiverFacts {
  readonly port: number;
  readonly path: string;
  readonly pathReason: string;
  readonly onlyAuthorizedClientsAllowed: boolean;
}

/** What the server knows about itself when it is up. */
export interface ServerFacts {
  readonly config: ServerConfig;
  /** Differs at each start. */
  readonly serverId: string;
  readonly serverUid: string;
  readonly serverName: string;
  readonly hostName: string;
  readonly publicKeyBase64: string;
  /** Days until the certificate of the control API expires. */
  certificateDays(): number;
  apiPort(): number;
  receiver(): ReceiverFacts;
  readonly settings: ServerSettings;
  garbageCollect(): GarbageCollectStructure;
}

export interface ServerHandlersOptions {
  readonly facts: ServerFacts;
  readonly clock: Clock;
  readonly events: EventLog;
  /** Begins to stop the server; returns at once. */
  readonly terminate: () => void;
}

const FEATURES = ['requests.cancel', 'requests.progress', 'subscriptions', 'waitForTransfer'];

const describe = (facts: ServerFacts, caller: Caller | null): ServerInformation => {
  const { config, settings } = facts;
  return {
    allowRemoteControl: config.apiAllowRemoteControl,
    apiControlPort: facts.apiPort(),
    apiVersion: API_VERSION,
    APITokensAvailable: !config.apiDisableApiTokens,
    authRequired: true,
    bandwidthLimits: settings.bandwidth.describe(),
    certificateValidation: Math.floor(facts.certificateDays()),
    configuration:
      caller?.level === 'superuser'
        ? {
            ...config,
            superuser: [...config.superuser],
            supergroup: [...config.supergroup],
            garbageCollect: facts.garbageCollect(),
          }
        : null,
    encryptionAvailable: true,
    eventLogAvailable: true,
    hostName: facts.hostName,
    license: settings.licence.describe(caller),
    minCipher: config.allowNoCipher ? MIN_CIPHER_NONE : MIN_CIPHER_ENCRYPTED_128,
    multiplexAvailable: true,
    publicKey: facts.publicKeyBase64,
    receiver: facts.receiver(),
    revision: 1,
    serverExternalAddress: settings.externalAddress.address,
    serverId: facts.serverId,
    serverName: facts.serverName,
    serverUid: facts.serverUid,
    sharedTokensAvailable: !config.apiDisableSharedTokens,
    tokenSession: caller?.token?.session ?? null,
    userName: caller?.userName ?? null,
    sandboxed: caller?.sandboxed ?? null,
    version: BUILD_VERSION,
    features: FEATURES,
  };
};

const sleep = (clock: Clock, milliseconds: number, call: CallContext): Promise<null> =>
  new Promise((resolve, reject) => {
    const gone = (): void => {
      timer.cancel();
      reject(new CommandError('cancelled', 'Cannot sleep on: the connection is gone'));
    };
    const timer = clock.after(milliseconds, () => {
      call.signal.removeEventListener('abort', gone);
      resolve(null);
    });
    if (call.signal.aborted) gone();
    else call.signal.addEventListener('abort', gone, { once: true });
  });

/** Handlers about the server itself. */
export const serverHandlers = (options: ServerHandlersOptions): Handlers<ServerMethod> => ({
  getServerInfo: (_params, call) => describe(options.facts, call.caller),
  echo: ({ text }) => text ?? null,
  sleep: ({ milliseconds }, call) => sleep(options.clock, milliseconds, call),
  terminate: async (_params, call) => {
    await options.events.append('terminateRequested', { by: callerOf(call).userName });
    options.terminate();
    return null;
  },
});
