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
import type { PullService } from './pull-service.js';
import { receiveStructureOf } from './receive-record.js';
import type { ReceiveService } from './receive-service.js';
import type { ReceivePage, ReceiveStore } from './receive-store.js';

/** Methods of the receive interface. */
export type ReceiveMethod = Extract<MethodName, `recv.${string}`>;

/** Records read between two turns of the event loop. */
const SLICE_RECORDS = 1000;

export interface ReceiveServices {
  readonly receive: ReceiveService;
  readonly store: ReceiveStore;
  readonly clients: AuthorizedClients;
  readonly pulls: PullService;
}

/** Transfers that a caller may see, as they are at this moment. */
const transfersOf = async (
  services: ReceiveServices,
  caller: Caller,
  { page, signal }: { readonly page: ReceivePage; readonly signal: AbortSignal },
): Promise<ReceiveTransferStructure[]> => {
  const structures: ReceiveTransferStructure[] = [];
  for (let { after } = page; structures.length < page.limit; ) {
    signal.throwIfAborted();
    const limit = Math.min(SLICE_RECORDS, page.limit - structures.length);
    const records = await services.store.list(caller, { after, limit, order: page.order });
    for (const record of records) {
      const live = services.receive.find(record.id)?.record ?? record;
      if (mayAccess(caller, live)) structures.push(receiveStructureOf(live));
    }
    if (records.length < limit) break;
    after = records.at(-1)?.id ?? after;
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
    'recv.getTransfersAsync': ({ limit, after, order }, call) =>
      call.submit('recv.getTransfersAsync', ({ signal }) => {
        const page = { limit: limit ?? LIST_MAX, after: after ?? null, order: order ?? 'oldest' };
        return transfersOf(services, callerOf(call), { page, signal });
      }),
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
    'recv.allowOnlyAuthorizedClientsAsync': ({ onlyAuthorizedClientsAllowed: only }, call) =>
      call.submit('recv.allowOnlyAuthorizedClientsAsync', () =>
        clients.allowOnly(only, callerOf(call).userName),
      ),
    'recv.requestTransferAsync': (params, call) => {
      const caller = callerOf(call);
      return call.submit('recv.requestTransferAsync', (work) =>
        services.pulls.request(caller, params, work),
      );
    },
    'recv.getAuthorizedClientsAsync': (_params, call) =>
      call.submit('recv.getAuthorizedClientsAsync', () => Promise.resolve(clients.list())),
  };
};
