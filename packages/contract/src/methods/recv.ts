/** Methods of the receive interface: `recv.` in front of the name on the wire. */
import { z } from 'zod';
import { method, reference } from '../method.js';
import {
  RATE_POLICIES,
  receiptPage,
  receiveTransferStructure,
  requestHandle,
  sourceStructure,
  transferStructure,
} from '../structures.js';
import { receiptRange, receiptRangeDocs } from './send.js';
import { path } from './server.js';

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
    params: {
      limit: z.int().min(1).max(100_000).nullish(),
      after: z.string().max(64).nullish(),
      order: z.enum(['oldest', 'newest']).nullish(),
    },
    required: [],
    result: requestHandle,
    requestResult: z.array(receiveTransferStructure),
    access: 'user',
    since: '1.0.0',
    summary: 'Returns the transfers that this server receives or has received.',
    paramDocs: {
      limit: 'Ours: most entries to return',
      after: 'Ours: id of the last entry of the page before',
      order: 'Ours: `oldest` (default) or `newest` first',
    },
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
  'recv.allowOnlyAuthorizedClientsAsync': method({
    params: { onlyAuthorizedClientsAllowed: z.boolean() },
    required: ['onlyAuthorizedClientsAllowed'],
    result: requestHandle,
    requestResult: z.null(),
    access: 'superuser',
    since: '1.3.0',
    summary: 'Decides whether sending servers whose key is not listed may come with an API token.',
    paramDocs: {
      onlyAuthorizedClientsAllowed:
        'True refuses every server whose key is not listed, and stops what it sends',
    },
    mutates: true,
  }),
  'recv.requestTransferAsync': method({
    params: {
      remoteAddress: z.string().min(1).max(253),
      mappings: z.record(path, path),
      remotePort: z.int().min(1).max(65_535).nullish(),
      remotePublicKey: z.string().min(1).max(256).nullish(),
      userName: z.string().min(1).max(256).nullish(),
      password: z.string().max(1024).nullish(),
      token: z.string().min(1).max(512).nullish(),
      destinationPath: path,
      ownAddress: z.string().min(1).max(253).nullish(),
      ownPort: z.int().min(1).max(65_535).nullish(),
      priority: z.int().min(0).max(1_000_000).nullish(),
      overwriteMode: z.int().min(0).max(5).nullish(),
      sendRateMax: z.number().min(1).max(1e9).nullish(),
      rateControlMethod: z.enum(RATE_POLICIES).nullish(),
      retryDays: z.number().min(0).max(365).nullish(),
      wait: z.boolean().nullish(),
    },
    required: ['remoteAddress', 'mappings', 'destinationPath'],
    result: requestHandle,
    requestResult: transferStructure,
    access: 'user',
    errors: ['path_invalid', 'peer_identity_mismatch', 'destination_unreachable'],
    since: 'ours',
    summary:
      'Asks another server to send files here: makes manifest, destination and transfer there. ' +
      'The result is the transfer as that server shows it, when it has ended; errors of that server are passed on.',
    paramDocs: {
      remoteAddress: 'Host name or IP address of the server that has the files',
      mappings: 'Path here, below `destinationPath`, to path there',
      remotePort: 'TCP port of its API, 8886 when absent',
      remotePublicKey:
        '`publicKey` of its server info, which its certificate must prove; that of a destination with this address when absent; without one the system must trust the certificate',
      userName: 'Account there; with `password`',
      password: 'Password of the account, or of the token',
      token: 'API token of that server, in place of an account',
      destinationPath:
        'Directory here that all files go below; it must exist, and that server can write nowhere else',
      ownAddress: 'Where it reaches this server; the address that it sees when absent',
      ownPort: 'UDP port where it reaches this server; that of the receiver when absent',
      priority: 'Lower is sent first; 100 when absent',
      overwriteMode: 'NEVER 3, ALWAYS 4 (default)',
      sendRateMax: 'Ceiling in kbit/s; none when absent',
      rateControlMethod: 'fair (default), high, background or fixed',
      retryDays: 'Days without progress after which it is given up; 7 when absent',
      wait: 'False ends the request as soon as the transfer is made',
    },
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
