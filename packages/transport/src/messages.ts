/**
 * Messages on the reliable stream of a flow: `length u32 · type u8 · channel u16 · body`.
 * Bodies of `entries` and `trailers` are encoded blocks; the others are JSON.
 */
import { getU16, getU32, putU16, putU32 } from './bytes.js';

export const MESSAGE = {
  hello: 1,
  offer: 2,
  accept: 3,
  refuse: 4,
  entries: 5,
  entriesEnd: 6,
  trailers: 7,
  trailersEnd: 8,
  durable: 9,
  chunkBad: 10,
  complete: 11,
  failed: 12,
  cancel: 13,
} as const;

/** Largest body; a durable map of a very large transfer is sent in several messages. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;
const HEAD_BYTES = 7;

export interface Message {
  readonly type: number;
  readonly channel: number;
  readonly body: Uint8Array;
}

export const encodeMessage = (message: Message): Uint8Array => {
  const out = new Uint8Array(HEAD_BYTES + message.body.length);
  putU32(out, 0, message.body.length);
  out[4] = message.type;
  putU16(out, 5, message.channel);
  out.set(message.body, HEAD_BYTES);
  return out;
};

/** Cuts the stream into messages. */
export class MessageReader {
  #pieces: Uint8Array[] = [];
  #heldBytes = 0;
  /** Held bytes below this cannot complete a message, so they are not joined yet. */
  #neededBytes = HEAD_BYTES;

  /** @returns Messages completed by these bytes; null when one is too large. */
  push(bytes: Uint8Array): Message[] | null {
    this.#pieces.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes < this.#neededBytes) return [];
    const data = this.#join();
    const messages: Message[] = [];
    let at = 0;
    while (data.length - at >= HEAD_BYTES) {
      const length = getU32(data, at);
      if (length > MESSAGE_BYTES_MAX) return null;
      const end = at + HEAD_BYTES + length;
      if (end > data.length) {
        this.#neededBytes = end - at;
        break;
      }
      messages.push({
        type: data[at + 4] as number,
        channel: getU16(data, at + 5),
        body: data.slice(at + HEAD_BYTES, end),
      });
      at = end;
      this.#neededBytes = HEAD_BYTES;
    }
    this.#pieces = [data.slice(at)];
    this.#heldBytes = data.length - at;
    return messages;
  }

  #join(): Uint8Array {
    if (this.#pieces.length === 1) return this.#pieces[0] as Uint8Array;
    const data = new Uint8Array(this.#heldBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      data.set(piece, at);
      at += piece.length;
    }
    return data;
  }
}
