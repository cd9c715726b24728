/**
 * The server's line to the root monitor: questions about passwords of accounts of the operating
 * system. Requests for file agents go another way, see `agents/agent-pool.ts`.
 */
import { Socket } from 'node:net';
import { z } from 'zod';
import { readLines } from '../../monitor/line-reader.js';
import { MONITOR_LINE_BYTES_MAX, PASSWORD_CHECK_MS_MAX } from '../../monitor/monitor-limits.js';
import { parsePasswordRequest } from '../../monitor/monitor-messages.js';
import { useFileAgents } from '../agents/agent-pool.js';

/** Descriptors that the monitor gives to the server it starts. */
const QUESTIONS_FD = 3;
const BROKER_FD = 4;

/** Milliseconds for an answer: a check may have to wait for others. */
const ANSWER_MS_MAX = 2 * PASSWORD_CHECK_MS_MAX;
/** Questions that are open at once. */
export const QUESTIONS_MAX = 256;

const answerSchema = z.strictObject({
  id: z.int(),
  verdict: z.enum(['right', 'wrong', 'unavailable']),
});

export type OsPasswordVerdict = z.output<typeof answerSchema>['verdict'];

export interface PasswordQuestion {
  readonly user: string;
  readonly password: string;
  /** Address of the client. */
  readonly host: string;
}

/** What the rest of the server asks of the monitor. */
export interface MonitorClient {
  /** Resolves in every case; without an answer in time it is 'unavailable'. */
  checkPassword(question: PasswordQuestion): Promise<OsPasswordVerdict>;
  /** Resolves when the monitor is gone: the server has to end then. */
  readonly lost: Promise<void>;
  close(): void;
}

/** @param stream Both directions: questions out, answers in, one line of JSON each. */
export const openMonitorClient = (stream: Socket): MonitorClient => {
  const waiting = new Map<number, (verdict: OsPasswordVerdict) => void>();
  let ids = 0;
  const settle = (id: number, verdict: OsPasswordVerdict): void => {
    waiting.get(id)?.(verdict);
    waiting.delete(id);
  };
  stream.on('error', () => stream.destroy());
  readLines(stream, MONITOR_LINE_BYTES_MAX, (line) => {
    const answer = answerSchema.safeParse(JSON.parse(line));
    if (answer.success) settle(answer.data.id, answer.data.verdict);
  });
  const lost = new Promise<void>((resolve) => {
    stream.on('close', () => {
      for (const id of [...waiting.keys()]) settle(id, 'unavailable');
      resolve();
    });
  });
  return {
    lost,
    checkPassword: ({ user, password, host }) =>
      new Promise((resolve) => {
        if (stream.destroyed || waiting.size >= QUESTIONS_MAX) {
          resolve('unavailable');
          return;
        }
        ids += 1;
        const id = ids;
        const line = JSON.stringify({ id, user, password, host });
        if (parsePasswordRequest(line) === null) {
          // Nothing that the monitor would ask the system about.
          resolve('wrong');
          return;
        }
        const timer = setTimeout(() => settle(id, 'unavailable'), ANSWER_MS_MAX);
        waiting.set(id, (verdict) => {
          clearTimeout(timer);
          resolve(verdict);
        });
        stream.write(`${line}\n`);
      }),
    close: () => stream.destroy(),
  };
};

/**
 * The monitor that has started this process, or null; from then on all threads use file agents.
 * Asked once, before any thread starts.
 */
export const connectMonitor = (): MonitorClient | null => {
  const environment = process.env;
  if (environment['JETSTREAM_MONITOR'] !== '1') return null;
  // Programs that the server starts are not servers of the monitor.
  delete environment['JETSTREAM_MONITOR'];
  useFileAgents(BROKER_FD);
  return openMonitorClient(new Socket({ fd: QUESTIONS_FD, readable: true, writable: true }));
};
