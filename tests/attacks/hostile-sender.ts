/** A server that sends what no scan would list: names, kinds and modes as they are claimed. */
import { randomBytes } from 'node:crypto';
import {
  orderTo,
  startHost,
} from '../../packages/server/src/data/worker/worker-hosts.conformance.js';
import { writeDraft } from '../../packages/server/src/receipts/receipt-writer.js';
import {
  type Claim,
  encodeEntries,
} from '../../packages/server/src/storage/hostile-entries.conformance.js';
import type { Source, Storage } from '../../packages/server/src/storage/storage.js';
import { target } from '../conformance/harness/sessions.js';

export type { Claim } from '../../packages/server/src/storage/hostile-entries.conformance.js';

/** Who lets files in, and where to. */
export interface Entrance {
  readonly publicKey: string;
  readonly token: string;
  readonly destinationPath: string;
}

export interface HostileOffer extends Entrance {
  readonly claims: readonly Claim[];
  /** Changes the block of claims on its way, such as to what the encoder would not write. */
  readonly forge?: (block: Uint8Array) => Uint8Array;
}

/** How the receiver took it. */
export interface SendEnd {
  readonly kind: string;
  readonly code?: string;
  readonly message?: string;
}

const sourceOf = ({ claims, forge = (block) => block }: HostileOffer): Source => {
  let entries = 0;
  let trailers = 0;
  return {
    nextEntries: async () => {
      entries += 1;
      const bytes = forge(encodeEntries(claims));
      return entries > 1 ? null : { bytes, files: claims.length, endByte: 0 };
    },
    totals: async () => ({ files: claims.length, bytes: 0 }),
    rewind: () => {
      entries = 0;
      trailers = 0;
    },
    // Its files are empty.
    readChunk: async () => 0,
    skip: () => undefined,
    nextTrailers: async () => {
      trailers += 1;
      return trailers > 1 ? null : { bytes: encodeEntries.recordsOfEmpty(claims) };
    },
    fileErrors: async () => [],
    writeReceipt: (path, head) => writeDraft(path, head, []),
    close: async () => undefined,
  };
};

/** Sends claims to the server under test; resolves when the transfer has ended. */
export const sendClaims = async (offer: HostileOffer): Promise<SendEnd> => {
  const files: Storage = {
    openSource: async () => sourceOf(offer),
    openTarget: async () => {
      throw new Error('This sender takes no files');
    },
    stop: async () => undefined,
  };
  const host = await startHost({ files: () => files });
  const { publicKey, token, destinationPath, claims } = offer;
  const order = orderTo({ port: target.recvPort, publicKey }, 0);
  const destination = { ...order.destination, token };
  // The server under test also serves other files of tests, which number theirs alike.
  const transferId = randomBytes(16).toString('hex');
  host.worker.handle({
    type: 'send',
    order: { ...order, transferId, totalFiles: claims.length, destination, destinationPath },
    ip: target.host,
  });
  const { outcome } = await host.waitFor('sendEnded');
  return outcome;
};
