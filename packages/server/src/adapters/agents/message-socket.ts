/** One end of a channel of messages that may carry one descriptor each. */
import fs from 'node:fs';
import { loadNativeProcesses, type NativeProcesses } from '@jetstream/udp';
import { AGENT_MESSAGE_BYTES_MAX } from './agent-limits.js';
import { decodeMessage, encodeMessage } from './message-codec.js';

/** Words that the addon fills in: how many descriptors came, and up to four of them. */
const DESCRIPTOR_WORDS = 5;

const none = new Uint32Array(0);

/** A message as it came; null for a closed channel. */
export interface ReceivedMessage {
  readonly message: unknown;
  /** Belongs to whoever takes the message. */
  readonly fd: number | null;
}

/**
 * The addon's calls for processes.
 *
 * @throws {Error} Where it is not built: nothing that needs several accounts works without it.
 */
export const nativeProcesses = (): NativeProcesses => {
  const native = loadNativeProcesses();
  if (native !== null) return native;
  throw new Error(
    'Cannot work for several accounts: the native addon is not built, expected it (a C++ compiler, make and python3 at "npm ci")',
  );
};

export class MessageSocket {
  readonly fd: number;
  readonly #native = nativeProcesses();
  readonly #bytes = new Uint8Array(AGENT_MESSAGE_BYTES_MAX);
  readonly #descriptors = new Uint32Array(DESCRIPTOR_WORDS);

  constructor(fd: number) {
    this.fd = fd;
  }

  /** @throws {Error} With an errno as `code`; see `NativeProcesses`. */
  send(message: unknown, fd: number | null, timeoutMs: number): void {
    const descriptors = fd === null ? none : new Uint32Array([fd]);
    this.#native.sendMessage(this.fd, encodeMessage(message), descriptors, timeoutMs);
  }

  /** @throws {Error} With an errno as `code`; see `NativeProcesses`. */
  receive(timeoutMs: number): ReceivedMessage | null {
    const length = this.#native.receiveMessage(this.fd, this.#bytes, this.#descriptors, timeoutMs);
    const [count = 0, ...fds] = this.#descriptors;
    const [fd = null, ...others] = fds.slice(0, count);
    for (const other of others) fs.closeSync(other);
    if (length === 0 && fd === null) return null;
    return { message: decodeMessage(this.#bytes.subarray(0, length)), fd };
  }

  close(): void {
    fs.closeSync(this.fd);
  }
}
