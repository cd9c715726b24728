/** The send interface, wired to its services. */
import type { MethodName } from '@jetstream/contract';
import { callerOf, type Handlers } from '../control/handler.js';
import type { DestinationService } from '../destinations/destination-service.js';
import type { LinkMethod } from '../links/link-handlers.js';
import type { ManifestService } from '../manifests/manifest-service.js';
import type { UserDataService } from '../user-data/user-data-service.js';
import type { TransferActions } from './transfer-actions.js';
import type { TransferService } from './transfer-service.js';

/** Methods of the send interface; those of shared tokens are answered elsewhere. */
export type SendMethod = Exclude<Extract<MethodName, `send.${string}`>, LinkMethod>;

export interface SendServices {
  readonly manifests: ManifestService;
  readonly destinations: DestinationService;
  readonly transfers: TransferService;
  readonly actions: TransferActions;
  readonly userData: UserDataService;
}

/** One handler per method. */
export const sendHandlers = (services: SendServices): Handlers<SendMethod> => {
  const { manifests, destinations, transfers, actions, userData } = services;
  return {
    'send.createManifest': (params, call) => manifests.create(callerOf(call), params),
    'send.getManifest': (params, call) => manifests.get(callerOf(call), params.manifestId),
    'send.getManifests': (params, call) => manifests.list(callerOf(call), params),
    'send.waitForManifest': (params, call) => manifests.wait(callerOf(call), params, call.signal),
    'send.getManifestFiles': (params, call) => manifests.files(callerOf(call), params),
    'send.deleteManifest': (params, call) => manifests.remove(callerOf(call), params.manifestId),
    'send.createDestination': (params, call) => destinations.create(callerOf(call), params),
    'send.getDestination': (params, call) => destinations.get(callerOf(call), params.destinationId),
    'send.getDestinations': (params, call) => destinations.list(callerOf(call), params),
    'send.updateDestination': (params, call) => destinations.update(callerOf(call), params),
    'send.getConnection': (params, call) =>
      destinations.connection(callerOf(call), params.connectionId),
    'send.getConnections': (params, call) => destinations.connections(callerOf(call), params),
    'send.deleteDestination': (params, call) =>
      destinations.remove(callerOf(call), params.destinationId),
    'send.createTransfer': (params, call) => transfers.create(callerOf(call), params),
    'send.getTransfer': (params, call) => transfers.get(callerOf(call), params.transferId),
    'send.getTransfers': (params, call) => transfers.list(callerOf(call), params),
    'send.waitForTransfer': (params, call) => transfers.wait(callerOf(call), params, call.signal),
    'send.getReceipt': (params, call) => transfers.receipt(callerOf(call), params),
    'send.updateTransfer': (params, call) => actions.update(callerOf(call), params),
    'send.setSendRateAsync': (params, call) =>
      call.submit('send.setSendRateAsync', () => actions.update(callerOf(call), params)),
    'send.suspendTransfer': (params, call) => actions.suspend(callerOf(call), params.transferId),
    'send.resumeTransfer': (params, call) => actions.resume(callerOf(call), params.transferId),
    'send.retryTransfer': (params, call) => actions.retry(callerOf(call), params.transferId),
    'send.failTransfer': (params, call) => actions.fail(callerOf(call), params),
    'send.cancelTransfer': (params, call) => actions.cancel(callerOf(call), params),
    'send.updateObjectUserData': (params, call) => userData.update(callerOf(call), params),
    'send.deleteObjectUserData': (params, call) => userData.remove(callerOf(call), params),
    'send.deleteTransfer': (params, call) => transfers.remove(callerOf(call), params.transferId),
  };
};
