/** Signatures in the form of Standard Webhooks: HMAC-SHA256 over id, time and body. */
import { createHmac, randomBytes } from 'node:crypto';
import { CommandError } from '@jetstream/contract';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

/** A new secret: `whsec_` and base64. */
export const makeWebhookSecret = (): string =>
  `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), 'base64');

/** @throws {CommandError} `invalid_params` if it is no secret; the message does not hold it. */
export const checkWebhookSecret = (secret: string): void => {
  const { length } = keyOf(secret);
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(secret.slice(PREFIX.length));
  if (
    secret.startsWith(PREFIX) &&
    isBase64 &&
    length >= SECRET_BYTES_MIN &&
    length <= SECRET_BYTES_MAX
  ) {
    return;
  }
  throw new CommandError(
    'invalid_params',
    `Cannot use "secret": expected "${PREFIX}" and ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes in base64`,
    { details: { parameter: 'secret' } },
  );
};

/** What is signed and sent. */
export interface WebhookMessage {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/** Headers of one attempt. */
export const webhookHeaders = (message: WebhookMessage, secret: string): Record<string, string> => {
  const { id, timestamp, body } = message;
  const signed = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signed.digest('base64')}`,
  };
};
