/**
 * The connections of this thread to file agents, one per account. A new one goes through the
 * monitor: this side makes a pair of sockets and sends one end of it with the name of the account;
 * the monitor hands that end to the account's agent, which it starts when there is none, or says on
 * it why not. So answers never mix, however many threads ask at once.
 */
import fs from 'node:fs';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { AgentChannel, agentUnavailable } from './agent-channel.js';
import { AGENT_PAUSE_MS, AGENT_START_MS_MAX } from './agent-limits.js';
import type { AgentCall } from './agent-messages.js';
import { MessageSocket, nativeProcesses } from './message-socket.js';

/** Key of the descriptor that leads to the monitor, the same in all threads. */
const BROKER_KEY = 'jetstream agent broker';

/** Opens a connection to the agent of an account. */
export type ConnectAgent = (owner: string) => AgentChannel;

/** The agent of one account, as often as it has to be connected to. */
export class AgentClient {
  readonly owner: string;
  readonly #connect: ConnectAgent;
  #channel: AgentChannel | null = null;
  #refusedUntilMs = 0;

  constructor(owner: string, connect: ConnectAgent) {
    this.owner = owner;
    this.#connect = connect;
  }

  /**
   * A connection, and what its first call on it brings. A connection that the agent has closed for
   * being idle is replaced once.
   */
  begin(call: AgentCall): { readonly channel: AgentChannel; readonly value: unknown } {
    const held = this.#channel;
    if (held !== null && !held.isBroken) {
      try {
        return { channel: held, value: held.call(call).value };
      } catch (error) {
        if (!held.isBroken) throw error;
        if (held.isMute) this.#pause();
      }
    }
    if (performance.now() < this.#refusedUntilMs) {
      throw agentUnavailable('the file agent of the account does not answer');
    }
    const channel = this.#connect(this.owner);
    this.#channel = channel;
    return { channel, value: channel.call(call).value };
  }

  /** An agent that a user has stopped must not hold up everybody else's work again and again. */
  noteFailure(channel: AgentChannel): void {
    if (channel.isMute) this.#pause();
  }

  #pause(): void {
    this.#refusedUntilMs = performance.now() + AGENT_PAUSE_MS;
  }
}

/** The agents that this thread may ask. */
export class FileAgents {
  readonly #connect: ConnectAgent;
  readonly #clients = new Map<string, AgentClient>();

  constructor(connect: ConnectAgent) {
    this.#connect = connect;
  }

  of(owner: string): AgentClient {
    let client = this.#clients.get(owner);
    if (client === undefined) {
      client = new AgentClient(owner, this.#connect);
      this.#clients.set(owner, client);
    }
    return client;
  }
}

/** Asks the monitor for a connection to the agent of an account. */
const connectThrough =
  (broker: number): ConnectAgent =>
  (owner) => {
    const [near, far] = nativeProcesses().socketPair();
    try {
      new MessageSocket(broker).send({ agentOf: owner }, far, AGENT_START_MS_MAX);
    } catch (error) {
      fs.closeSync(near);
      throw agentUnavailable('the monitor does not answer', error);
    } finally {
      fs.closeSync(far);
    }
    return AgentChannel.open(near);
  };

let agents: FileAgents | null | undefined;

/** Descriptor of the way to the monitor; null where this process works as itself. */
export const agentBroker = (): number | null => {
  const broker = getEnvironmentData(BROKER_KEY);
  return typeof broker === 'number' ? broker : null;
};

/** The agents of this thread; null where this process works as itself. */
export const fileAgents = (): FileAgents | null => {
  if (agents === undefined) {
    const broker = agentBroker();
    agents = broker === null ? null : new FileAgents(connectThrough(broker));
  }
  return agents;
};

/** Makes all threads that start from now on, and this one, work through file agents. */
export const useFileAgents = (broker: number): void => {
  setEnvironmentData(BROKER_KEY, broker);
  agents = undefined;
};
