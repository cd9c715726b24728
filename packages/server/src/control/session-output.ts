/**
 * What a session sends: replies and notifications, one message after the other. A client that does
 * not read stops being read from, so what waits for it stays bounded.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import { CONTROL_LIMITS } from './limits.js';
import { type BodyPart, bodyBytes, type ReplyBody } from './reply-body.js';

/** @see RFC 6455, section 7.4.1 */
const CLOSE_FAILED = 1011;
const CLOSE_OVERLOADED = 1013;

export class SessionOutput {
  readonly #socket: WebSocket;
  /** The stream below the WebSocket. */
  readonly #stream: Socket;
  #corked = false;
  #paused = false;
  /** What waits for the end of a body that is sent in parts; null while there is none. */
  #waiting: (() => void)[] | null = null;

  constructor(socket: WebSocket, stream: Socket) {
    this.#socket = socket;
    this.#stream = stream;
  }

  /** Whether the client is held back, so that silence does not mean that it is gone. */
  get held(): boolean {
    return this.#paused || this.#waiting !== null;
  }

  send(body: ReplyBody): void {
    if (this.#waiting !== null) this.#waiting.push(() => this.send(body));
    else if (typeof body === 'string') this.#sendText(body);
    else void this.#sendParts(body);
  }

  /**
   * Sends text at the client's own speed.
   *
   * @returns Whether it has left; false when the connection is gone.
   */
  deliver(text: string): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#socket.readyState !== this.#socket.OPEN) {
        resolve(false);
      } else if (this.#waiting === null) {
        this.#cork();
        this.#socket.send(text, (error) => resolve(error == null));
      } else {
        this.#waiting.push(() => void this.deliver(text).then(resolve));
      }
    });
  }

  /** Sends text that nobody asked for; a client that lags far behind loses the connection. */
  notify(text: string): void {
    if (this.#socket.bufferedAmount > CONTROL_LIMITS.unsentBytesMax) {
      this.#socket.close(CLOSE_OVERLOADED, 'notifications were not read');
      return;
    }
    this.send(text);
  }

  #sendText(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    if (this.#socket.bufferedAmount + text.length > CONTROL_LIMITS.unsentBytesPause) {
      this.#pause();
      this.#socket.send(text, () => this.#resumeWhenRead());
    } else {
      this.#socket.send(text);
    }
  }

  /** Replies of one turn of the event loop leave together. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#corked = false;
      this.#stream.uncork();
    });
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resumeWhenRead(): void {
    if (!this.#paused || this.#waiting !== null) return;
    if (this.#socket.bufferedAmount > CONTROL_LIMITS.unsentBytesPause) return;
    this.#paused = false;
    this.#socket.resume();
  }

  async #sendParts(parts: readonly BodyPart[]): Promise<void> {
    this.#waiting = [];
    this.#pause();
    try {
      for await (const bytes of bodyBytes(parts)) await this.#sendPart(bytes);
      this.#socket.send('', { binary: false, fin: true });
    } catch {
      // Half of a message is out, so nothing else can be said on this connection.
      this.#socket.close(CLOSE_FAILED, 'a result could not be sent');
    }
    const waiting = this.#waiting;
    this.#waiting = null;
    for (const goOn of waiting) goOn();
    this.#resumeWhenRead();
  }

  #sendPart(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, { binary: false, fin: false }, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }
}
