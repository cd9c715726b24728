/**
 * The server's line to the root monitor: questions about passwords of accounts of the operating
 * system, and triggers that run as those. Requests for file agents go another way, see `agents/agent-pool.ts`.
 */
import { Socket } from 'node:net';
import { z } from 'zod';
import { readLines } from '../../monitor/line-reader.js';
import {
  MONITOR_LINE_BYTES_MAX,
  PASSWORD_CHECK_MS_MAX,
  TRIGGER_END_MS_MAX,
} from '../../monitor/monitor-limits.js';
import {
  MONITOR_PROTOCOL_VERSION,
  parseAccountRequest,
  parsePasswordRequest,
} from '../../monitor/monitor-messages.js';
import { parseTriggerRequest } from '../../monitor/trigger-messages.js';
import type { RunTriggerOptions, TriggerEnd } from '../../triggers/run-trigger.js';
import { useFileAgents } from '../agents/agent-pool.js';
import { nativeProcesses } from '../agents/message-socket.js';

/** Descriptors that the monitor gives to the server it starts. */
const QUESTIONS_FD = 3;
const BROKER_FD = 4;

/** Milliseconds for an answer: a check may have to wait for others. */
const ANSWER_MS_MAX = 2 * PASSWORD_CHECK_MS_MAX;
/** Questions that are open at once. */
export const QUESTIONS_MAX = 256;

const answerSchema = z.union([
  z.strictObject({ id: z.int(), verdict: z.enum(['right', 'wrong', 'unavailable']) }),
  z.strictObject({
    id: z.int(),
    end: z.strictObject({
      exitCode: z.int().nullable(),
      signal: z.string().nullable(),
      reason: z.string().nullable(),
      output: z.string(),
    }),
  }),
]);

type Answer = z.output<typeof answerSchema>;

export type OsPasswordVerdict = 'right' | 'wrong' | 'unavailable';

export interface PasswordQuestion {
  readonly user: string;
  readonly password: string;
  /** Address of the client. */
  readonly host: string;
}

/** What the rest of the server asks of the monitor. */
export interface MonitorClient {
  /** Account that works on files for built-in users without one of the machine; null for none. */
  readonly filesAccount: string | null;
  /** Resolves in every case; without an answer in time it is 'unavailable'. */
  checkPassword(question: PasswordQuestion): Promise<OsPasswordVerdict>;
  /** Whether an account may be used now, without its password; resolves in every case. */
  checkAccount(user: string): Promise<OsPasswordVerdict>;
  /** Runs a trigger as an account; resolves in every case, also when `signal` ends it early. */
  runTrigger(
    user: string,
    trigger: Pick<RunTriggerOptions, 'call' | 'keepsOutput' | 'signal' | 'timeLimitMs'>,
  ): Promise<TriggerEnd>;
  /** Resolves when the monitor is gone: the server has to end then. */
  readonly lost: Promise<void>;
  close(): void;
}

const trouble = (reason: string): TriggerEnd => ({
  exitCode: null,
  signal: null,
  reason,
  output: '',
});

/** Questions that wait for their answers; null for those that get none. */
class OpenQuestions {
  readonly #stream: Socket;
  readonly #waiting = new Map<number, (answer: Answer | null) => void>();
  #ids = 0;

  constructor(stream: Socket) {
    this.#stream = stream;
    readLines(stream, MONITOR_LINE_BYTES_MAX, (line) => {
      const answer = answerSchema.safeParse(JSON.parse(line));
      if (answer.success) this.#settle(answer.data.id, answer.data);
    });
  }

  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  /** @returns Null without an answer in time. */
  ask(id: number, line: string, answerMsMax: number): Promise<Answer | null> {
    return new Promise((resolve) => {
      if (this.#stream.destroyed || this.#waiting.size >= QUESTIONS_MAX) {
        resolve(null);
        return;
      }
      const timer = setTimeout(() => this.#settle(id, null), answerMsMax);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#stream.write(`${line}\n`);
    });
  }

  end(): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null);
  }

  #settle(id: number, answer: Answer | null): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}

/** @param stream Both directions: questions out, answers in, one line of JSON each. */
export const openMonitorClient = (stream: Socket, filesAccount: string | null): MonitorClient => {
  const questions = new OpenQuestions(stream);
  stream.on('error', () => stream.destroy());
  const lost = new Promise<void>((resolve) => {
    stream.on('close', () => {
      questions.end();
      resolve();
    });
  });
  return {
    filesAccount,
    lost,
    checkPassword: async ({ user, password, host }) => {
      const id = questions.nextId();
      const line = JSON.stringify({ id, user, password, host });
      // Nothing that the monitor would ask the system about.
      if (parsePasswordRequest(line) === null) return 'wrong';
      const answer = await questions.ask(id, line, ANSWER_MS_MAX);
      return answer !== null && 'verdict' in answer ? answer.verdict : 'unavailable';
    },
    checkAccount: async (account) => {
      const id = questions.nextId();
      const line = JSON.stringify({ id, account });
      if (parseAccountRequest(line) === null) return 'wrong';
      const answer = await questions.ask(id, line, ANSWER_MS_MAX);
      return answer !== null && 'verdict' in answer ? answer.verdict : 'unavailable';
    },
    runTrigger: async (user, { call, timeLimitMs, keepsOutput, signal }) => {
      const id = questions.nextId();
      const line = JSON.stringify({ id, user, call, timeLimitMs, keepsOutput });
      const isTooLong = Buffer.byteLength(line) > MONITOR_LINE_BYTES_MAX;
      if (isTooLong || parseTriggerRequest(line) === null) {
        return trouble('its name or its arguments cannot be passed on');
      }
      if (signal.aborted) return trouble('the server is stopping');
      const stop = (): void => void stream.write(`${JSON.stringify({ stopTrigger: id })}\n`);
      signal.addEventListener('abort', stop, { once: true });
      const answer = await questions.ask(id, line, timeLimitMs + 2 * TRIGGER_END_MS_MAX);
      signal.removeEventListener('abort', stop);
      const isEnd = answer !== null && 'end' in answer;
      return isEnd ? answer.end : trouble('the monitor does not tell how it has ended');
    },
    close: () => stream.destroy(),
  };
};

/**
 * The monitor that has started this process, or null; from then on all threads use file agents.
 * Asked once, before any thread starts.
 *
 * @throws {Error} If the monitor speaks another version.
 */
export const connectMonitor = (): MonitorClient | null => {
  const environment = process.env;
  const version = environment['JETSTREAM_MONITOR'];
  if (version === undefined) return null;
  if (version !== MONITOR_PROTOCOL_VERSION) {
    throw new Error(
      `Cannot work with the monitor: it speaks version "${version}", expected "${MONITOR_PROTOCOL_VERSION}"`,
    );
  }
  // Programs that the server starts are not servers of the monitor.
  delete environment['JETSTREAM_MONITOR'];
  const filesAccount = environment['JETSTREAM_FILES_ACCOUNT'] || null;
  delete environment['JETSTREAM_FILES_ACCOUNT'];
  // It holds keys and the passwords that pass through, and its account may run other things.
  nativeProcesses().hideMemory();
  useFileAgents(BROKER_FD);
  const stream = new Socket({ fd: QUESTIONS_FD, readable: true, writable: true });
  return openMonitorClient(stream, filesAccount);
};
