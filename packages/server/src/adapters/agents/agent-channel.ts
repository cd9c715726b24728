/**
 * A connection of one thread to the file agent of one account. Calls block until the agent answers:
 * they are made where a disk would be waited for. Whatever breaks the connection fails the calls of
 * this account only, with an error after which the same call may be made again.
 */
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import { errnoOf } from '../disk/disk-error.js';
import { AGENT_ANSWER_MS_MAX, AGENT_START_MS_MAX } from './agent-limits.js';
import { type AgentCall, helloSchema, isSilent, valueOfAnswer } from './agent-messages.js';
import { MessageSocket, type ReceivedMessage } from './message-socket.js';

export const agentUnavailable = (why: string, cause?: unknown): CommandError =>
  new CommandError('agent_unavailable', `Cannot use files: ${why}`, { cause });

/** What a call brought. */
export interface AgentAnswer {
  readonly value: unknown;
  /** An open file, which now belongs to the caller. */
  readonly fd: number | null;
}

export class AgentChannel {
  readonly userId: number;
  readonly #socket: MessageSocket;
  #isBroken = false;
  /** Whether it broke because the agent did not answer in time. */
  #isMute = false;

  private constructor(socket: MessageSocket, userId: number) {
    this.#socket = socket;
    this.userId = userId;
  }

  /**
   * Waits for the agent's first message.
   *
   * @param fd The connection, taken over.
   * @throws {CommandError} `permission_denied` when the monitor refuses for good, `agent_unavailable`.
   */
  static open(fd: number): AgentChannel {
    const socket = new MessageSocket(fd);
    try {
      const first = receiveFrom(socket, AGENT_START_MS_MAX);
      if (first.fd !== null) fs.closeSync(first.fd);
      const hello = helloSchema.safeParse(first.message);
      if (!hello.success) throw agentUnavailable('the file agent speaks another version');
      if ('refused' in hello.data) {
        const { refused, isTransient } = hello.data;
        if (isTransient) throw agentUnavailable(refused);
        throw new CommandError('permission_denied', `Cannot use files: ${refused}`);
      }
      return new AgentChannel(socket, hello.data.userId);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  get isMute(): boolean {
    return this.#isMute;
  }

  /** @throws {CommandError} What the agent reports, or `agent_unavailable`. */
  call(call: AgentCall, fd: number | null = null): AgentAnswer {
    const answer = this.#exchange(call, fd);
    try {
      return { value: valueOfAnswer(answer?.message), fd: answer?.fd ?? null };
    } catch (error) {
      if (answer?.fd !== null && answer?.fd !== undefined) fs.closeSync(answer.fd);
      throw error;
    }
  }

  /** Makes a call that has no answer; an agent that is gone has done it. */
  tell(call: AgentCall): void {
    if (!this.#isBroken) this.#exchange(call, null, { quiet: true });
  }

  close(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#socket.close();
  }

  #exchange(
    call: AgentCall,
    fd: number | null,
    { quiet }: { readonly quiet: boolean } = { quiet: false },
  ): ReceivedMessage | null {
    if (this.#isBroken) throw agentUnavailable('the file agent of the account has ended');
    try {
      this.#socket.send(call, fd, AGENT_ANSWER_MS_MAX);
      return isSilent(call) ? null : receiveFrom(this.#socket, AGENT_ANSWER_MS_MAX);
    } catch (error) {
      if (errnoOf(error) === 'EMSGSIZE') {
        throw new CommandError('name_too_long', 'Cannot use the path: it is too long', {
          cause: error,
        });
      }
      this.#isMute = errnoOf(error) === 'ETIMEDOUT';
      this.close();
      if (quiet) return null;
      if (error instanceof CommandError) throw error;
      const why = this.#isMute
        ? `the file agent of the account has not answered for ${AGENT_ANSWER_MS_MAX / 1000} s`
        : 'the file agent of the account has ended';
      throw agentUnavailable(why, error);
    }
  }
}

const receiveFrom = (socket: MessageSocket, timeoutMs: number): ReceivedMessage => {
  const received = socket.receive(timeoutMs);
  if (received === null) throw agentUnavailable('the file agent of the account has ended');
  return received;
};
