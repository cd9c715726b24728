/** The receive interface, wired to its services. */
import {
  CommandError,
  type MethodName,
  type Params,
  type ReceiptPage,
  type ReceiveTransferStructure,
  type SourceStructure,
} from '@jetstream/contract';
import { callerOf, type Handlers } from '../control/handler.js';
import { readReceiptPage } from '../receipts/receipt-page.js';
import { type Caller, mayAccess } from '../sessions/caller.js';
import { LIST_MAX } from '../transfers/owner-filter.js';
import type { AuthorizedClients } from './authorized-clients.js';
import { receiveStructureOf } from './receive-record.js';
import type { ReceiveService } from './receive-service.js';
import type { ReceiveStore } from './receive-store.js';

/** Methods of the receive interface. */
export type ReceiveMethod = Extract<MethodName, `recv.${string}`>;

/** Records read between two turns of the event loop. */
const SLICE_RECORDS = 1000;

export interface ReceiveServices {
  readonly receive: ReceiveService;
  readonly store: ReceiveStore;
  readonly clients: AuthorizedClients;
}

/** Transfers that a caller may see, oldest first, as they are at this moment. */
const transfersOf = async (
  services: ReceiveServices,
  caller: Caller,
  signal: AbortSignal,
): Promise<ReceiveTransferStructure[]> => {
  const structures: ReceiveTransferStructure[] = [];
  for (let afterId = ''; structures.length < LIST_MAX; ) {
    signal.throwIfAborted();
    const records = await services.store.listAfter(caller, afterId, SLICE_RECORDS);
    for (const record of records) {
      const live = services.receive.find(record.id)?.record ?? record;
      if (mayAccess(caller, live)) structures.push(receiveStructureOf(live));
    }
    if (records.length < SLICE_RECORDS) break;
    afterId = records.at(-1)?.id ?? afterId;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return structures;
};

const receiptOf = async (
  { receive, store }: ReceiveServices,
  caller: Caller,
  { transferId, offset, limit }: Params<'recv.getReceiptAsync'>,
): Promise<ReceiptPage> => {
  const record = receive.find(transferId)?.record ?? (await store.find(transferId));
  if (record === null || !mayAccess(caller, record)) {
    const shown = JSON.stringify(transferId.slice(0, 300));
    throw new CommandError('not_found', `Cannot find transfer ${shown}`);
  }
  const { receiptPath: path } = record;
  return readReceiptPage({ transferId, role: 'receiver', path }, { offset, limit });
};

const sourcesOf = async (
  { receive, store }: ReceiveServices,
  caller: Caller,
): Promise<SourceStructure[]> => {
  const all = await store.sources(caller);
  return all.map((counts) => {
    const active = receive.activeCount(counts.peerKey, caller);
    return receive.sources.structure(counts, active);
  });
};

/** One handler per method. */
export const recvHandlers = (services: ReceiveServices): Handlers<ReceiveMethod> => {
  const { clients } = services;
  return {
    'recv.getSourcesAsync': (_params, call) =>
      call.submit('recv.getSourcesAsync', () => sourcesOf(services, callerOf(call))),
    'recv.getTransfersAsync': (_params, call) =>
      call.submit('recv.getTransfersAsync', (work) =>
        transfersOf(services, callerOf(call), work.signal),
      ),
    'recv.getReceiptAsync': (params, call) =>
      call.submit('recv.getReceiptAsync', () => receiptOf(services, callerOf(call), params)),
    'recv.addAuthorizedClientAsync': (params, call) =>
      call.submit('recv.addAuthorizedClientAsync', () =>
        clients.add(params.clientPublicKey, callerOf(call).userName),
      ),
    'recv.removeAuthorizedClientAsync': (params, call) =>
      call.submit('recv.removeAuthorizedClientAsync', () =>
        clients.remove(params.clientPublicKey, callerOf(call).userName),
      ),
    'recv.getAuthorizedClientsAsync': (_params, call) =>
      call.submit('recv.getAuthorizedClientsAsync', () => Promise.resolve(clients.list())),
  };
};
