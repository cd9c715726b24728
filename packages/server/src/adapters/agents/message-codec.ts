/** Messages between the processes of a server: one JSON text each. */
import { AGENT_MESSAGE_BYTES_MAX } from './agent-limits.js';

/** Bytes of a message. */
export const encodeMessage = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));

/** Message from bytes; what is not JSON is a message that no schema takes. */
export const decodeMessage = (bytes: Uint8Array): unknown => {
  if (bytes.length > AGENT_MESSAGE_BYTES_MAX) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch {
    return undefined;
  }
};
