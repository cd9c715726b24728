/** The text form of a server's identity key. */
import { CommandError } from '@jetstream/contract';

/** Bytes of an Ed25519 public key. */
const KEY_BYTES = 32;

/**
 * Checks a key: standard base64 of 32 bytes, written in the one way that encodes them.
 *
 * @param parameter Name of the parameter for the message.
 * @returns The key, as it was given.
 * @throws {CommandError} `invalid_params`
 */
export const parsePublicKey = (text: string, parameter: string): string => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === KEY_BYTES && bytes.toString('base64') === text) return text;
  throw new CommandError(
    'invalid_params',
    `Cannot use "${parameter}": ${JSON.stringify(text.slice(0, 100))}, expected the "publicKey" of a server (base64 of ${KEY_BYTES} bytes)`,
    { details: { parameter, actual: text.slice(0, 100) } },
  );
};
