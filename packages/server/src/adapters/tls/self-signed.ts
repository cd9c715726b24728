/** A self-signed X.509 certificate over an Ed25519 or a P-256 key. */
import { createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bits,
  boolean,
  der,
  octets,
  oid,
  pem,
  sequence,
  set,
  time,
  unsigned,
  utf8,
} from './der.js';

/** @see RFC 8410 */
const ED25519 = sequence(oid('1.3.101.112'));
/** @see RFC 5758 */
const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = oid('2.5.4.3');
const TAG_DNS_NAME = 0x82;
const TAG_IP_ADDRESS = 0x87;

export interface CertificateOptions {
  readonly privateKey: KeyObject;
  readonly commonName: string;
  /** Host names and IPv4 addresses that the certificate is for. */
  readonly hosts: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const extension = (id: string, critical: boolean, content: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(content));

const generalName = (host: string): Buffer => {
  if (isIP(host) === 4) return der(TAG_IP_ADDRESS, Buffer.from(host.split('.').map(Number)));
  if (host === '::1') return der(TAG_IP_ADDRESS, Buffer.from([...Array<number>(15).fill(0), 1]));
  return der(TAG_DNS_NAME, Buffer.from(host, 'ascii'));
};

const extensions = (hosts: readonly string[]): Buffer =>
  der(
    0xa3,
    sequence(
      extension('2.5.29.17', false, sequence(...hosts.map(generalName))),
      // Not a certificate authority; signs; a server and, between servers, a client.
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)),
      extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'))),
    ),
  );

/** Makes the certificate and returns it as PEM. */
export const selfSignedCertificate = (options: CertificateOptions): string => {
  const isEd25519 = options.privateKey.asymmetricKeyType === 'ed25519';
  const algorithm = isEd25519 ? ED25519 : ECDSA_WITH_SHA256;
  const name = sequence(set(sequence(COMMON_NAME, utf8(options.commonName.slice(0, 64)))));
  const publicKey = createPublicKey(options.privateKey).export({ type: 'spki', format: 'der' });
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const version3 = der(0xa0, unsigned(Buffer.from([2])));
  const validity = sequence(time(options.notBefore), time(options.notAfter));
  const body = sequence(
    version3,
    unsigned(serial),
    algorithm,
    name,
    validity,
    name,
    publicKey,
    extensions(options.hosts),
  );
  const signature = sign(isEd25519 ? null : 'sha256', body, options.privateKey);
  return pem('CERTIFICATE', sequence(body, algorithm, bits(signature)));
};
