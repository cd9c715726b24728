/**
 * Counts what arrives on a WebSocket before its messages are whole: the library keeps the parts of a
 * message without telling.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { MessageBudget, MessageHold } from './message-budget.js';

/** Frames in between that belong to no message: head and mask, then their payload. */
const CONTROL_FRAME_BYTES = 6;

export interface SessionInputOptions {
  readonly socket: WebSocket;
  readonly stream: Socket;
  readonly budget: MessageBudget;
  /** Who is logged in; null for nobody. */
  owner(): string | null;
  /** Told once that more arrives than may; all that follows is dropped. */
  onExcess(owner: string | null): void;
}

export class SessionInput {
  readonly #options: SessionInputOptions;
  #hold: MessageHold | null = null;
  #ended = false;

  constructor(options: SessionInputOptions) {
    this.#options = options;
    const { socket, stream } = options;
    // Before the library's own listener, which may find the end of a message in the same bytes.
    stream.prependListener('data', (bytes: Buffer) => this.#count(bytes.length));
    const uncount = (payload: Buffer): void => {
      this.#hold?.grow(-CONTROL_FRAME_BYTES - payload.length);
    };
    socket.on('ping', uncount);
    socket.on('pong', uncount);
    socket.once('close', () => this.#hold?.release());
  }

  /** The hold of the message that is now whole; whoever answers it releases it. */
  take(): MessageHold | null {
    const hold = this.#hold;
    this.#hold = null;
    return hold;
  }

  #count(bytes: number): void {
    const { budget, owner, onExcess, stream } = this.#options;
    if (this.#ended) return;
    this.#hold ??= budget.open(owner());
    if (this.#hold.grow(bytes)) return;
    this.#ended = true;
    // Read on for nobody, so that the client finds the reason before the end.
    stream.removeAllListeners('data');
    stream.resume();
    onExcess(this.#hold.owner);
  }
}
