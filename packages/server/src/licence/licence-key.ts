/**
 * A licence key: a statement in JSON with the Ed25519 signature of who grants it, as one line of
 * text.
 *
 * @see docs/LICENCE-KEYS.md
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';

const PREFIX = 'jsl1';
const KEY = /^jsl1\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;
const PEM = /-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g;

const moment = z.iso.datetime({ offset: true });

/** What a licence says. Unknown fields are refused, so that no condition is overlooked. */
export const licenceStatement = z.strictObject({
  licenseId: z.string().min(1).max(128),
  licensee: z.string().min(1).max(256),
  issued: moment,
  /** Not in force before; from the day of issue when absent. */
  validFrom: moment.optional(),
  /** Not in force afterwards; without an end when absent. */
  validUntil: moment.optional(),
  /** The only server that it is for; any when absent. */
  serverUid: z.string().min(1).max(128).optional(),
});
export type LicenceStatement = z.infer<typeof licenceStatement>;

/** What a key is found to be; `reason` completes "the key …". */
export type LicenceVerdict =
  | { readonly kind: 'valid'; readonly statement: LicenceStatement }
  | {
      readonly kind: 'expired' | 'not yet valid' | 'other server';
      readonly statement: LicenceStatement;
      readonly reason: string;
    }
  | {
      readonly kind: 'malformed' | 'not trusted';
      readonly statement: null;
      readonly reason: string;
    };

export interface LicenceCheck {
  readonly trustedKeys: readonly KeyObject[];
  readonly serverUid: string;
  readonly nowUs: number;
}

/**
 * Public keys of a PEM file.
 *
 * @throws {Error} If there is none, or one is no Ed25519 key.
 */
export const readPublicKeys = (pem: string): KeyObject[] => {
  const keys = [...pem.matchAll(PEM)].map(([block]) => createPublicKey(block));
  if (keys.length === 0) throw new Error('it holds no public key');
  for (const { asymmetricKeyType } of keys) {
    if (asymmetricKeyType !== 'ed25519') throw new Error(`it holds a key of ${asymmetricKeyType}`);
  }
  return keys;
};

/** Makes the text of a key. */
export const encodeLicenceKey = (statement: LicenceStatement, privateKey: KeyObject): string => {
  const payload = Buffer.from(JSON.stringify(statement), 'utf8').toString('base64url');
  const signed = `${PREFIX}.${payload}`;
  const signature = sign(null, Buffer.from(signed, 'ascii'), privateKey).toString('base64url');
  return `${signed}.${signature}`;
};

const statementOf = (payload: string): LicenceStatement | null => {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return licenceStatement.safeParse(value).data ?? null;
  } catch {
    return null;
  }
};

const microseconds = (text: string): number => Date.parse(text) * 1000;

/** Checks form, signature, dates and server of a key, in this order. */
export const checkLicenceKey = (key: string, check: LicenceCheck): LicenceVerdict => {
  const [, payload = '', signature = ''] = KEY.exec(key.trim()) ?? [];
  if (payload === '') {
    const reason = 'is no licence key, expected jsl1.<statement>.<signature>';
    return { kind: 'malformed', statement: null, reason };
  }
  const signed = Buffer.from(`${PREFIX}.${payload}`, 'ascii');
  const bytes = Buffer.from(signature, 'base64url');
  if (!check.trustedKeys.some((trusted) => verify(null, signed, trusted, bytes))) {
    const reason = 'is not signed by a key that this server trusts (--license-public-key)';
    return { kind: 'not trusted', statement: null, reason };
  }
  const statement = statementOf(payload);
  if (statement === null) {
    const reason = 'is signed, but its statement has missing, unknown or wrong fields';
    return { kind: 'malformed', statement: null, reason };
  }
  const { validFrom = statement.issued, validUntil, serverUid } = statement;
  if (check.nowUs < microseconds(validFrom)) {
    return { kind: 'not yet valid', statement, reason: `is valid from ${validFrom}, not yet` };
  }
  if (validUntil !== undefined && check.nowUs > microseconds(validUntil)) {
    return { kind: 'expired', statement, reason: `was valid until ${validUntil}` };
  }
  if (serverUid !== undefined && serverUid !== check.serverUid) {
    const reason = `is for the server "${serverUid}", and this one is "${check.serverUid}"`;
    return { kind: 'other server', statement, reason };
  }
  return { kind: 'valid', statement };
};
