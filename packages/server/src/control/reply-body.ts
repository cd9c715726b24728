/**
 * Bodies of replies: text, with results in between that lie in files or are made while they are sent.
 * A body of text alone is one string; any other is sent in parts and never held as a whole.
 */
import { createReadStream } from 'node:fs';
import { JsonFile, JsonStream, JsonText } from '../requests/stored-json.js';
import { CONTROL_LIMITS } from './limits.js';

export type BodyPart = string | JsonFile | JsonStream;
export type ReplyBody = string | readonly BodyPart[];

/** JSON of a result, wherever it lies. Undefined counts as null. */
export const encodeResult = (result: unknown): BodyPart => {
  if (result instanceof JsonText) return result.text;
  if (result instanceof JsonFile || result instanceof JsonStream) return result;
  return JSON.stringify(result ?? null);
};

/** Puts bodies and text together, keeping other parts apart. */
export const joinBodies = (...bodies: readonly ReplyBody[]): ReplyBody => {
  const parts: BodyPart[] = [];
  let text = '';
  for (const part of bodies.flat()) {
    if (typeof part === 'string') {
      text += part;
    } else {
      parts.push(text, part);
      text = '';
    }
  }
  return parts.length === 0 ? text : [...parts, text];
};

/** The bytes of a body, part by part. */
export async function* bodyBytes(parts: readonly BodyPart[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    if (typeof part === 'string') {
      if (part !== '') yield Buffer.from(part, 'utf8');
      continue;
    }
    if (part instanceof JsonStream) {
      for await (const piece of part.pieces) yield Buffer.from(piece, 'utf8');
      continue;
    }
    const options = { highWaterMark: CONTROL_LIMITS.resultPartBytes };
    for await (const piece of createReadStream(part.path, options)) yield piece as Buffer;
  }
}
