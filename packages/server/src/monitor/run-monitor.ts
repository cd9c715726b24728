/**
 * The root monitor: the only part of a server started as root that stays root. It starts the server
 * proper as an unprivileged account, and for that server it does three things: it asks the system
 * whether a password is right, and for accounts that were granted it starts file agents and the
 * triggers that root has put into a directory. It opens no port, reads no file of a user and holds no secret of the server.
 *
 * When the server ends, for whatever reason, the monitor ends all agents and then itself, with the
 * same exit code; starting again is the service manager's task. When the monitor dies, the server
 * and the agents see their sockets close and end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import type { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { MessageSocket, nativeProcesses } from '../adapters/agents/message-socket.js';
import { openOsAccounts } from '../adapters/os-accounts/os-accounts.js';
import { type AccountDecision, AccountRules } from './account-rules.js';
import { type AgentAccount, AgentProcesses } from './agent-processes.js';
import type { BrokerRequest, BrokerThreadData } from './broker-thread.js';
import { GrantedUsers } from './granted-users.js';
import { readLines } from './line-reader.js';
import {
  ACCOUNT_RECHECK_MS,
  MONITOR_LINE_BYTES_MAX,
  SERVER_STOP_MS_MAX,
} from './monitor-limits.js';
import {
  MONITOR_PROTOCOL_VERSION,
  parseAccountRequest,
  parseAgentRequest,
  parsePasswordRequest,
} from './monitor-messages.js';
import { readMonitorOptions } from './monitor-options.js';
import { PasswordChecks, type PasswordVerdict } from './password-checks.js';
import {
  findFilesAccount,
  findServerAccount,
  prepareServerState,
  type ServerAccount,
} from './server-state.js';
import { parseTriggerRequest, parseTriggerStop } from './trigger-messages.js';
import { TriggerRuns } from './trigger-runs.js';

/** Milliseconds for telling a thread of the server why it gets no agent. */
const REFUSAL_MS = 1000;
/** Exit code when the server was ended by a signal, as a shell counts it. */
const SIGNAL_EXIT = 128;

export interface MonitorInput {
  /** Arguments of `jetstream server`. */
  readonly args: readonly string[];
  /** The program that runs the server proper with these arguments. */
  readonly program: string;
  /** What the server proper gets; its own variables are added. */
  readonly environment: NodeJS.ProcessEnv;
}

const LEVELS = { error: 50, warn: 40, info: 30 } as const;

const log = (level: keyof typeof LEVELS, msg: string, facts: object = {}): void => {
  // The same form as the server's own log.
  const time = new Date().toISOString();
  const line = { level: LEVELS[level], time, pid: process.pid, part: 'monitor', ...facts, msg };
  fs.writeSync(2, `${JSON.stringify(line)}\n`);
};

/** Why a connection was not handed to an agent, as the server hears it. */
interface Refusal {
  readonly refused: string;
  readonly isTransient: boolean;
}

const refusalOf = (
  decision: AccountDecision | null,
  connect: (account: AgentAccount) => string | null,
): Refusal | null => {
  if (decision === null) return { refused: 'the request is malformed', isTransient: false };
  const { account, refused } = decision;
  if (account === null) return { refused, isTransient: decision.isTransient };
  const failed = connect(account);
  return failed === null ? null : { refused: failed, isTransient: true };
};

/** Answers requests for agents that a thread of this process receives. */
const serveAgents = (fd: number, rules: AccountRules, agents: AgentProcesses): Worker => {
  const pending = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const counter = new Int32Array(pending);
  const worker = new Worker(new URL('./broker-thread.js', import.meta.url), {
    name: 'broker',
    workerData: { fd, pending } satisfies BrokerThreadData,
    trackUnmanagedFds: false,
  });
  const serve = async (request: BrokerRequest): Promise<void> => {
    const user = parseAgentRequest(request.message);
    const decision = user === null ? null : await rules.decide(user);
    const refused = refusalOf(decision, (account) => agents.connect(account, request.fd));
    if (refused === null) return;
    log('warn', 'a file agent was refused', { user, ...refused });
    new MessageSocket(request.fd).send(refused, null, REFUSAL_MS);
  };
  worker.on('message', (request: BrokerRequest) => {
    serve(request)
      .catch((error: unknown) => log('error', `a request for a file agent failed: ${error}`))
      .finally(() => {
        fs.closeSync(request.fd);
        Atomics.sub(counter, 0, 1);
      });
  });
  worker.on('error', (error) => log('error', `the broker thread ended: ${error.message}`));
  return worker;
};

const verdictOf = (decision: AccountDecision): PasswordVerdict => {
  if (decision.account !== null) return 'right';
  return decision.endsAccess ? 'wrong' : 'unavailable';
};

/** Answers questions about passwords and runs triggers, one line of JSON each. */
const serveQuestions = (stream: Duplex, rules: AccountRules, triggers: TriggerRuns): void => {
  let malformed = 0;
  const reply = (answer: object): void => {
    stream.write(`${JSON.stringify(answer)}\n`);
  };
  const answer = async (line: string): Promise<void> => {
    const stopped = parseTriggerStop(line);
    if (stopped !== null) return triggers.end(stopped);
    const trigger = parseTriggerRequest(line);
    if (trigger !== null) {
      const end = await triggers.run(trigger);
      log('info', 'a trigger has run', { user: trigger.user, trigger: trigger.call.name });
      return reply({ id: trigger.id, end });
    }
    const asked = parseAccountRequest(line);
    if (asked !== null) {
      const decision = await rules.decide(asked.account);
      return reply({ id: asked.id, verdict: verdictOf(decision) });
    }
    const request = parsePasswordRequest(line);
    if (request === null) {
      malformed += 1;
      // Once, or a server that was taken over could fill the log.
      if (malformed === 1) log('error', 'the server sends malformed questions');
      return;
    }
    const { id, user, password, host } = request;
    const verdict = await rules.checkPassword(user, password, host);
    log('info', 'a password was checked', { user, host, verdict });
    reply({ id, verdict });
  };
  // The end of the server is seen by its exit.
  stream.on('error', () => undefined);
  readLines(stream, MONITOR_LINE_BYTES_MAX, (line) => {
    answer(line).catch((error: unknown) =>
      log('error', `a question of the server failed: ${error}`),
    );
  });
};

/** Variables that carry secrets to the command line; a shell of root may hold some for other uses. */
const SECRET_VARIABLE = /^JETSTREAM_.*(PASSWORD|TOKEN)$/;

const withoutSecrets = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !SECRET_VARIABLE.test(name)));

/** What the monitor tells the server that it starts. */
interface ServerPlace {
  readonly broker: number;
  readonly stateDir: string;
  readonly filesAccount: ServerAccount | null;
}

const startServer = (
  { args, program, environment }: MonitorInput,
  account: ServerAccount,
  { stateDir, broker, filesAccount }: ServerPlace,
): ChildProcess => {
  const hasStateDir = args.some((arg) => /^--persistent-state-dir(=|$)/.test(arg));
  const more = hasStateDir ? [] : ['--persistent-state-dir', stateDir];
  return spawn(process.execPath, [program, 'server', ...args, ...more], {
    // Without other groups: Node drops all that root was in.
    uid: account.uid,
    gid: account.gid,
    env: {
      ...withoutSecrets(environment),
      HOME: stateDir,
      USER: account.name,
      JETSTREAM_MONITOR: MONITOR_PROTOCOL_VERSION,
      JETSTREAM_FILES_ACCOUNT: filesAccount?.name ?? '',
    },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe', broker],
  });
};

/** Ends the agents of accounts that may not be used any more; what they have open ends with them. */
const recheckAgents = (rules: AccountRules, agents: AgentProcesses): NodeJS.Timeout => {
  const recheck = async (): Promise<void> => {
    for (const name of agents.names()) {
      const decision = await rules.decide(name);
      if (verdictOf(decision) !== 'wrong') continue;
      log('warn', 'a file agent was ended', { user: name, refused: decision.refused });
      agents.end(name);
    }
  };
  return setInterval(() => {
    recheck().catch((error: unknown) => log('error', `accounts were not checked: ${error}`));
  }, ACCOUNT_RECHECK_MS).unref();
};

/** Passes on the signals that stop a server, and makes sure that it stops. */
const stopBySignal = (server: ChildProcess): void => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      server.kill('SIGTERM');
      setTimeout(() => server.kill('SIGKILL'), SERVER_STOP_MS_MAX).unref();
    });
  }
};

/**
 * Runs the monitor until the server ends.
 *
 * @returns The exit code for this process.
 * @throws {ConfigError} If an option cannot be used.
 */
export const runMonitor = async (input: MonitorInput): Promise<number> => {
  const options = readMonitorOptions(input.args);
  const native = nativeProcesses();
  const accounts = openOsAccounts({
    onFailure: (failure) => log('error', 'an account could not be looked up', failure),
  });
  const account = await findServerAccount(options.serverAccount, accounts);
  const filesAccount = await findFilesAccount(options.filesAccount, account, accounts);
  prepareServerState(options.stateDir, account);
  const granted = new GrantedUsers(options.stateDir);
  native.forbidNewPrivileges();
  native.hideMemory();
  process.umask(0o077);
  const checks = new PasswordChecks(options.pamService);
  const monotonicMs = (): number => performance.now();
  const rules = new AccountRules({ options, filesAccount, accounts, granted, checks, monotonicMs });
  const { agentsMax, agentIdleSeconds: idleSeconds, stateDir } = options;
  const agents = new AgentProcesses({ agentsMax, idleSeconds });
  const [near, far] = native.socketPair();
  const broker = serveAgents(near, rules, agents);
  const server = startServer(input, account, { broker: far, stateDir, filesAccount });
  fs.closeSync(far);
  const decide = (user: string) => rules.decide(user);
  const triggers = new TriggerRuns({ directory: options.triggerDir, decide });
  serveQuestions(server.stdio[3] as Duplex, rules, triggers);
  stopBySignal(server);
  const rechecks = recheckAgents(rules, agents);
  const code = await new Promise<number>((resolve) => {
    server.on('error', (error) => {
      log('error', `the server could not be started: ${error.message}`);
      resolve(1);
    });
    server.on('exit', (exitCode, signal) => {
      if (signal !== null) log('error', 'the server was ended by a signal', { signal });
      resolve(exitCode ?? SIGNAL_EXIT);
    });
  });
  clearInterval(rechecks);
  agents.stop();
  triggers.stop();
  await broker.terminate();
  return code;
};
