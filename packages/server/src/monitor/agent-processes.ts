/** The file agents that run: one process per account, started when it is asked for. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MessageSocket, nativeProcesses } from '../adapters/agents/message-socket.js';

/** An account of the operating system as an agent needs it. */
export interface AgentAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface Agent {
  readonly child: ChildProcess;
  readonly socket: MessageSocket;
  readonly uid: number;
}

export interface AgentProcessesOptions {
  readonly agentsMax: number;
  readonly idleSeconds: number;
}

/** Milliseconds for handing a connection to an agent; one that takes longer is stuck. */
const HAND_OVER_MS = 1000;
const PROGRAM = fileURLToPath(new URL('../adapters/agents/file-agent.js', import.meta.url));

export class AgentProcesses {
  readonly #options: AgentProcessesOptions;
  readonly #agents = new Map<string, Agent>();

  constructor(options: AgentProcessesOptions) {
    this.#options = options;
  }

  /**
   * Hands a connection to the agent of an account.
   *
   * @param fd The connection; it stays the caller's.
   * @returns Why not, or null.
   */
  connect(account: AgentAccount, fd: number): string | null {
    const held = this.#agents.get(account.name);
    if (held !== undefined && held.uid !== account.uid) this.#end(account.name, held);
    try {
      this.#agent(account)?.socket.send({ connection: 1 }, fd, HAND_OVER_MS);
    } catch {
      // It is ending, or stuck: the next question starts another one.
      const broken = this.#agents.get(account.name);
      if (broken !== undefined) this.#end(account.name, broken);
      return 'the file agent of the account does not answer';
    }
    return this.#agents.has(account.name) ? null : 'too many accounts are in use at the same time';
  }

  /** Accounts whose agents run. */
  names(): string[] {
    return [...this.#agents.keys()];
  }

  /** Ends the agent of an account. */
  end(name: string): void {
    const agent = this.#agents.get(name);
    if (agent !== undefined) this.#end(name, agent);
  }

  /** Ends all of them. */
  stop(): void {
    for (const name of this.names()) this.end(name);
  }

  #agent(account: AgentAccount): Agent | null {
    const held = this.#agents.get(account.name);
    if (held !== undefined) return held;
    if (this.#agents.size >= this.#options.agentsMax) return null;
    const [near, far] = nativeProcesses().socketPair();
    const { name, uid, gid } = account;
    const idleMs = this.#options.idleSeconds * 1000;
    const child = spawn(
      process.execPath,
      [PROGRAM, name, String(uid), String(gid), String(idleMs)],
      {
        // Nothing of the environment of root reaches a process that a user owns.
        env: {},
        cwd: '/',
        stdio: ['ignore', 'ignore', 'inherit', far],
      },
    );
    fs.closeSync(far);
    const agent = { child, socket: new MessageSocket(near), uid };
    this.#agents.set(name, agent);
    child.on('error', () => this.#forget(name, agent));
    child.on('exit', () => this.#forget(name, agent));
    return agent;
  }

  #end(name: string, agent: Agent): void {
    this.#forget(name, agent);
    agent.child.kill('SIGKILL');
  }

  #forget(name: string, agent: Agent): void {
    if (this.#agents.get(name) !== agent) return;
    this.#agents.delete(name);
    agent.socket.close();
  }
}
