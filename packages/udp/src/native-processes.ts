/**
 * System calls for processes of one machine that talk to each other and hand open descriptors over.
 * All are synchronous. Errors carry the system's name in `code` ('ETIMEDOUT', 'EPIPE', …).
 */
export interface NativeProcesses {
  /** Two ends of a channel of whole messages (SOCK_SEQPACKET), close-on-exec. */
  socketPair(): [number, number];
  /**
   * Sends one message, whole or not at all.
   *
   * @param bytes At least one.
   * @param descriptors Up to 4 that the other side gets its own copies of.
   * @throws {Error} With `code` 'EPIPE' or 'ECONNRESET' if the other side is closed, 'ETIMEDOUT'.
   */
  sendMessage(socket: number, bytes: Uint8Array, descriptors: Uint32Array, timeoutMs: number): void;
  /**
   * Receives one message.
   *
   * @param descriptors Five words: how many descriptors came, and those. They belong to the caller.
   * @returns Bytes of the message; 0 when the other side is closed.
   * @throws {Error} With `code` 'ETIMEDOUT', or 'EMSGSIZE' for one that does not fit.
   */
  receiveMessage(
    socket: number,
    into: Uint8Array,
    descriptors: Uint32Array,
    timeoutMs: number,
  ): number;
  /**
   * Waits until one of up to 256 sockets has something to read or is closed, or a signal comes.
   *
   * @param ready Gets a 1 for each that has; at least as long as `sockets`.
   * @returns How many have.
   */
  waitReadable(sockets: Uint32Array, ready: Uint8Array, timeoutMs: number): number;
  /** Nothing that this thread starts gains rights by being executed (set-user-id). */
  forbidNewPrivileges(): void;
  /** No core dumps of this process, and no tracing of it by others of the same user. */
  hideMemory(): void;
  /**
   * Asks the system whether a password is right and the account may log in; with null, the latter
   * only. Blocks for as long as the system's modules do.
   *
   * @param service Name of the PAM profile.
   * @param host Address that the question comes from; '' for none.
   * @returns 0 for yes, else the number of PAM's error.
   * @throws {Error} With `code` 'ENOSYS' where there is no libpam.
   */
  pamCheck(service: string, user: string, password: string | null, host: string): number;
}
