/** One packet sealed with each cipher, byte for byte. native/aead-vectors.h has the same bytes. */
import { CIPHER, type Cipher } from '@jetstream/transport';
import type { TestPacket } from './packet-io-pair.conformance.js';

/** First 16 bytes for the 128-bit ciphers, all 32 for AES-256. */
export const VECTOR_KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
export const VECTOR_IV = Uint8Array.from({ length: 12 }, (_, i) => 0xa0 + i);
export const VECTOR_CONNECTION_ID = 0xdeadbeef;
export const VECTOR_PACKET: TestPacket = {
  number: 0x0102030405060708n,
  type: 7,
  flags: 0x81,
  channel: 0x1234,
  index: 0x5678,
  position: 0x1122334455667788n,
  payload: Buffer.from('JetStream wire vector, forty bytes long.'),
};

const HEADER = '11000000deadbeef0102030405060708';
const PLAIN =
  '0781002812345678112233445566778' +
  '84a657453747265616d207769726520766563746f722c20666f727479206279746573206c6f6e672e';

/** Each whole packet in hexadecimal. */
export const VECTOR_SEALED: Readonly<Record<Cipher, string>> = {
  [CIPHER.none]: `${HEADER}${PLAIN}${'00'.repeat(16)}`,
  [CIPHER.authenticated]: `${HEADER}${PLAIN}30b19289fe8cc4ba21bb10769f37207b`,
  [CIPHER.aes128gcm]:
    `${HEADER}6ff4989a510e74ba3681f8f6825613b5d5176f7c5fb1b7943a88fbfb9a602aa0` +
    '21eae3678d2852dd18d72d902cd29968557a8f8f7dd3dc5922746f868af0153d3dd21757ac2e81d3',
  [CIPHER.aes256gcm]:
    `${HEADER}f657a96f6b195b0630360abd743a25021e5d07469b5b9053a7b7fc3375c67ef3` +
    'd796a3b4d9b6c9a1083e7da23428bec8cd9d0589185425bcbd6e427794ec67261e6152cf8a367a0d',
};
