/** System calls for TCP sockets that Node does not offer. Errors carry the system's name in `code`. */
export interface NativeTcp {
  /**
   * Opens a second descriptor of the same socket, so that one can be closed while the other goes on.
   *
   * @returns A descriptor, close-on-exec; the caller's to close.
   */
  duplicateDescriptor(descriptor: number): number;
  /**
   * Chooses the congestion control of a TCP socket (TCP_CONGESTION).
   *
   * @param name As the kernel has it, such as 'bbr'.
   * @throws {Error} With `code` 'ENOENT' if the kernel has none of that name, 'EPERM' if only root may
   * use it.
   */
  setCongestionControl(descriptor: number, name: string): void;
}
