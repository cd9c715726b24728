/**
 * Bytes of all transfers since the server started. The data plane tells how far each attempt has come;
 * what is new since it last did is added up.
 */
export class TrafficTotals {
  #sentBytes = 0;
  #receivedBytes = 0;
  readonly #sent = new Map<string, number>();
  readonly #received = new Map<string, number>();

  get sentBytes(): number {
    return this.#sentBytes;
  }
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** @param bytes Of the present attempt, never less than before. */
  sent(transferId: string, bytes: number): void {
    this.#sentBytes += Math.max(0, bytes - (this.#sent.get(transferId) ?? 0));
    this.#sent.set(transferId, bytes);
  }

  sendEnded(transferId: string): void {
    this.#sent.delete(transferId);
  }

  /** @param bytes Of the present attempt, never less than before. */
  received(transferId: string, bytes: number): void {
    this.#receivedBytes += Math.max(0, bytes - (this.#received.get(transferId) ?? 0));
    this.#received.set(transferId, bytes);
  }

  receiveEnded(transferId: string): void {
    this.#received.delete(transferId);
  }
}
