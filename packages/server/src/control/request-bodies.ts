/**
 * Reads the bodies of HTTP calls. Who calls is asked before the body is read: whoever has not logged in
 * may send no more than a login takes, and the rest shares one budget until it is answered.
 */
import type { IncomingMessage } from 'node:http';
import { CommandError } from '@jetstream/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../sessions/caller.js';
import { CONTROL_LIMITS } from './limits.js';
import type { MessageBudget, MessageHold } from './message-budget.js';

type Done = (error: Error | null, body?: string) => void;

const tooLarge = (bytesMax: number, hint: string): CommandError =>
  new CommandError(
    'message_too_large',
    `Cannot read the body: it is too large, expected at most ${bytesMax} bytes${hint}`,
  );

const excessOf = (owner: string | null): CommandError =>
  owner === null
    ? tooLarge(CONTROL_LIMITS.strangerMessageBytesMax, ' without a login')
    : new CommandError(
        'too_many_requests',
        `Cannot read the body: calls of this user, or of all, hold too much already, expected at most ${CONTROL_LIMITS.heldBytesPerUserMax} and ${CONTROL_LIMITS.heldBytesMax} bytes`,
      );

export class RequestBodies {
  readonly #budget: MessageBudget;
  readonly #holds = new WeakMap<FastifyRequest, MessageHold>();

  constructor(budget: MessageBudget) {
    this.#budget = budget;
  }

  /**
   * Logs the caller in, whose body may then be read.
   *
   * @throws {CommandError} As the login does.
   */
  async admit(
    request: FastifyRequest,
    reply: FastifyReply,
    login: () => Promise<Caller | null>,
  ): Promise<void> {
    const hold = this.#budget.open((await login())?.userName ?? null);
    this.#holds.set(request, hold);
    reply.raw.once('close', () => hold.release());
  }

  /** The body as text. */
  read(request: FastifyRequest, payload: IncomingMessage, done: Done): void {
    const hold = this.#holds.get(request) ?? this.#budget.open(null);
    const { messageBytesMax } = CONTROL_LIMITS;
    const parts: Buffer[] = [];
    let bytes = 0;
    const end = (error: Error | null, body?: string): void => {
      payload.off('data', take).off('end', finish).off('error', end);
      done(error, body);
    };
    const finish = (): void => end(null, Buffer.concat(parts).toString('utf8'));
    const take = (part: Buffer): void => {
      bytes += part.length;
      parts.push(part);
      if (bytes > messageBytesMax) end(tooLarge(messageBytesMax, ''));
      else if (!hold.grow(part.length)) end(excessOf(hold.owner));
    };
    if (Number(request.headers['content-length'] ?? 0) > messageBytesMax) {
      done(tooLarge(messageBytesMax, ''));
      return;
    }
    payload.on('data', take).on('end', finish).on('error', end);
  }
}
