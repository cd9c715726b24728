/**
 * The life of a file agent: it waits for its connections and the monitor, makes one call after the
 * other, and ends when nobody has used it for a while.
 */
import fs from 'node:fs';
import { AgentCalls, type CallResult, parseAgentCall } from './agent-calls.js';
import { AGENT_ANSWER_MS_MAX, AGENT_CHANNEL_IDLE_MS, AGENT_CHANNELS_MAX } from './agent-limits.js';
import { AGENT_PROTOCOL_VERSION, failureAnswer, isSilent } from './agent-messages.js';
import { MessageSocket, nativeProcesses, type ReceivedMessage } from './message-socket.js';

/** How often idle connections are looked for, in milliseconds. */
const LOOK_MS = 1000;

interface Connection {
  readonly socket: MessageSocket;
  readonly calls: AgentCalls;
  usedMs: number;
}

export interface AgentLoopOptions {
  readonly monitorFd: number;
  /** How long it lives without a connection, in milliseconds. */
  readonly idleMs: number;
}

/** @see the head of this file */
export class AgentLoop {
  readonly #native = nativeProcesses();
  readonly #monitor: MessageSocket;
  readonly #idleMs: number;
  readonly #connections: Connection[] = [];
  #usedMs = performance.now();
  #isEnding = false;

  constructor({ monitorFd, idleMs }: AgentLoopOptions) {
    this.#monitor = new MessageSocket(monitorFd);
    this.#idleMs = idleMs;
  }

  /** Returns when the agent shall end. */
  run(): void {
    while (!this.#isEnding) {
      const connections = [...this.#connections];
      const sockets = [this.#monitor, ...connections.map(({ socket }) => socket)];
      const ready = new Uint8Array(sockets.length);
      this.#native.waitReadable(
        new Uint32Array(sockets.map(({ fd }) => fd)),
        ready,
        Math.min(LOOK_MS, this.#idleMs),
      );
      for (const [at, connection] of connections.entries()) {
        if (ready[at + 1] === 1) this.#serve(connection);
      }
      if (ready[0] === 1) this.#takeConnection();
      this.#closeIdle();
    }
    for (const connection of [...this.#connections]) this.#drop(connection);
  }

  #takeConnection(): void {
    const received = nextMessage(this.#monitor);
    if (received === null) {
      this.#isEnding = true;
      return;
    }
    if (received.fd === null) return;
    const socket = new MessageSocket(received.fd);
    if (this.#connections.length >= AGENT_CHANNELS_MAX) {
      socket.close();
      return;
    }
    const connection = { socket, calls: new AgentCalls(), usedMs: performance.now() };
    this.#connections.push(connection);
    const userId = process.getuid?.() ?? -1;
    this.#send(connection, { version: AGENT_PROTOCOL_VERSION, userId }, null);
  }

  #serve(connection: Connection): void {
    const received = nextMessage(connection.socket);
    connection.usedMs = performance.now();
    if (received === null) {
      this.#drop(connection);
      return;
    }
    try {
      this.#answer(connection, received);
    } finally {
      if (received.fd !== null) fs.closeSync(received.fd);
    }
  }

  #answer(connection: Connection, { message, fd }: ReceivedMessage): void {
    let result: CallResult;
    let silent = false;
    try {
      const call = parseAgentCall(message);
      silent = isSilent(call);
      result = connection.calls.make(call, fd);
    } catch (error) {
      if (!silent) this.#send(connection, failureAnswer(error), null);
      return;
    }
    if (!silent) this.#send(connection, { value: result.value }, result.fd);
    if (result.fd !== null) fs.closeSync(result.fd);
  }

  #send(connection: Connection, message: unknown, fd: number | null): void {
    try {
      connection.socket.send(message, fd, AGENT_ANSWER_MS_MAX);
    } catch {
      // Whoever does not take its answer is not served any more.
      this.#drop(connection);
    }
  }

  #drop(connection: Connection): void {
    const at = this.#connections.indexOf(connection);
    if (at === -1) return;
    this.#connections.splice(at, 1);
    connection.calls.close();
    connection.socket.close();
    this.#usedMs = performance.now();
  }

  #closeIdle(): void {
    const now = performance.now();
    const idleMs = Math.min(AGENT_CHANNEL_IDLE_MS, this.#idleMs);
    for (const connection of [...this.#connections]) {
      if (connection.calls.isIdle && now - connection.usedMs >= idleMs) this.#drop(connection);
    }
    if (this.#connections.length === 0 && now - this.#usedMs >= this.#idleMs) this.#isEnding = true;
  }
}

/** A message that is there; null when the other side is closed or broken. */
const nextMessage = (socket: MessageSocket): ReceivedMessage | null => {
  try {
    return socket.receive(0);
  } catch {
    return null;
  }
};
