/** Methods of the receive interface: `recv.` in front of the name on the wire. */
import { z } from 'zod';
import { method, reference } from '../method.js';
import {
  receiptPage,
  receiveTransferStructure,
  requestHandle,
  sourceStructure,
} from '../structures.js';
import { receiptRange, receiptRangeDocs } from './send.js';

const transferId = reference('transferId', z.string().min(1).max(256));
const clientPublicKey = reference('clientPublicKey', z.string().min(1).max(256));

export const recvMethods = {
  'recv.getSourcesAsync': method({
    params: {},
    required: [],
    result: requestHandle,
    requestResult: z.array(sourceStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns the sending servers that have or had a connection to this receiver.',
  }),
  'recv.getTransfersAsync': method({
    params: {},
    required: [],
    result: requestHandle,
    requestResult: z.array(receiveTransferStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns the transfers that this server receives or has received.',
  }),
  'recv.getReceiptAsync': method({
    params: { transferId, ...receiptRange },
    required: ['transferId'],
    result: requestHandle,
    requestResult: receiptPage,
    access: 'user',
    errors: ['not_found'],
    since: 'ours',
    summary:
      'Returns a part of the receipt that this server has signed for a transfer it has received.',
    paramDocs: { transferId: 'Id or structure', ...receiptRangeDocs },
  }),
  'recv.addAuthorizedClientAsync': method({
    params: { clientPublicKey },
    required: ['clientPublicKey'],
    result: requestHandle,
    requestResult: z.null(),
    access: 'superuser',
    since: '1.3.0',
    summary: 'Lets a sending server store files here as the account that runs this server.',
    paramDocs: { clientPublicKey: '`publicKey` of its server info, or a structure with the key' },
    mutates: true,
  }),
  'recv.removeAuthorizedClientAsync': method({
    params: { clientPublicKey },
    required: ['clientPublicKey'],
    result: requestHandle,
    requestResult: z.null(),
    access: 'superuser',
    errors: ['not_found'],
    since: '1.3.0',
    summary: 'Takes that right back.',
    paramDocs: { clientPublicKey: 'The key, or a structure with it' },
    mutates: true,
  }),
  'recv.getAuthorizedClientsAsync': method({
    params: {},
    required: [],
    result: requestHandle,
    requestResult: z.array(z.object({ clientPublicKey: z.string() })),
    access: 'superuser',
    since: 'ours',
    summary: 'Lists the sending servers with that right.',
  }),
} as const;
