/**
 * Keys of one flow, epoch by epoch: the secrets come from the TLS exporter, each epoch's secret
 * from the one before (so that a stolen key does not open earlier packets), key and IV from the
 * epoch's secret.
 *
 * @see RFC 5869; docs/ARCHITECTURE.md, "Keys"
 */
import { hkdfSync } from 'node:crypto';
import type { Cipher, ConnectionKeys, KeySchedule } from '@jetstream/transport';

const SECRET_BYTES = 32;
const IV_BYTES = 12;
const KEY_BYTES: Record<Cipher, number> = { 0: 0, 1: 16, 2: 16, 3: 32 };

const derive = (secret: Uint8Array, label: string, bytes: number): Uint8Array =>
  bytes === 0
    ? new Uint8Array(0)
    : new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `jetstream 1 ${label}`, bytes));

class SecretChain {
  #secret: Uint8Array;
  #epoch = 0;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  at(epoch: number): Uint8Array {
    if (epoch < this.#epoch) throw new Error(`Cannot derive epoch ${epoch}: it has passed`);
    while (this.#epoch < epoch) {
      this.#secret = derive(this.#secret, 'next', SECRET_BYTES);
      this.#epoch += 1;
    }
    return this.#secret;
  }
}

/**
 * @param exported 64 bytes of the TLS exporter: the client's secret, then the server's.
 */
export const createKeySchedule = (
  exported: Uint8Array,
  role: 'client' | 'server',
  cipher: Cipher,
): KeySchedule => {
  const client = new SecretChain(exported.slice(0, SECRET_BYTES));
  const server = new SecretChain(exported.slice(SECRET_BYTES, 2 * SECRET_BYTES));
  const chains = {
    send: role === 'client' ? client : server,
    receive: role === 'client' ? server : client,
  };
  return {
    cipher,
    keys(direction, epoch): ConnectionKeys {
      const secret = chains[direction].at(epoch);
      return {
        direction,
        epoch,
        cipher,
        key: derive(secret, 'key', KEY_BYTES[cipher]),
        iv: derive(secret, 'iv', IV_BYTES),
      };
    },
  };
};
