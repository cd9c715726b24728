/** Sealed packets against docs/protocol-vectors.json, which is made without this package. */
import { readFileSync } from 'node:fs';
import type { Cipher } from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import { EpochKey } from './dgram-aead.js';

interface Vectors {
  readonly keySchedules: readonly {
    readonly cipher: Cipher;
    readonly client: readonly { readonly key: string; readonly iv: string }[];
  }[];
  readonly sealedPackets: readonly {
    readonly frame: string;
    readonly cipher: Cipher;
    readonly packetNumber: number;
    readonly plain: string;
    readonly sealed: string;
  }[];
}

const path = new URL('../../../docs/protocol-vectors.json', import.meta.url);
const { keySchedules, sealedPackets } = JSON.parse(readFileSync(path, 'utf8')) as Vectors;

describe('sealed packets of the protocol vectors', () => {
  it.each(sealedPackets)(
    '$frame with cipher $cipher',
    ({ cipher, packetNumber, plain, sealed }) => {
      const epoch = keySchedules.find((schedule) => schedule.cipher === cipher)?.client[0];
      const key = new Uint8Array(Buffer.from(epoch?.key ?? '', 'hex'));
      const iv = new Uint8Array(Buffer.from(epoch?.iv ?? '', 'hex'));
      const sealing = new EpochKey({ direction: 'send', epoch: 0, cipher, key, iv });
      const header = Buffer.from(sealed, 'hex').subarray(0, 16);
      const packet = Buffer.concat([header, Buffer.from(plain, 'hex'), Buffer.alloc(16)]);
      sealing.seal(packet, 0, packetNumber);
      expect(packet.toString('hex')).toBe(sealed);
    },
  );
});
