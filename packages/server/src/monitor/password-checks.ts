/** Questions to PAM, a few at a time, each in a process that ends with its answer. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Turns } from '../sessions/turns.js';
import {
  PASSWORD_CHECK_MS_MAX,
  PASSWORD_CHECKS_MAX,
  PASSWORD_CHECKS_WAITING_MAX,
} from './monitor-limits.js';

export interface PasswordQuestion {
  readonly user: string;
  /** Null asks only whether the account may be used: not locked, not expired. */
  readonly password: string | null;
  /** Address of the client; '' for none. */
  readonly host: string;
}

/** `unavailable`: there was no answer, which is no yes. */
export type PasswordVerdict = 'right' | 'wrong' | 'unavailable';

const PROGRAM = fileURLToPath(new URL('./password-check.js', import.meta.url));

/**
 * Numbers of PAM that say nothing about the account: PAM_OPEN_ERR, PAM_SYMBOL_ERR, PAM_SERVICE_ERR,
 * PAM_SYSTEM_ERR, PAM_BUF_ERR, PAM_AUTHINFO_UNAVAIL (the directory cannot be reached), PAM_ABORT and
 * PAM_MODULE_UNKNOWN.
 */
const PAM_NO_ANSWER: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 9, 26, 28]);

/** @param text What the child has written: the number of PAM's answer, unless it failed. */
export const verdictOfAnswer = (text: string): PasswordVerdict => {
  if (!/^\d+\n$/.test(text)) return 'unavailable';
  const answer = Number(text);
  if (answer === 0) return 'right';
  return PAM_NO_ANSWER.has(answer) ? 'unavailable' : 'wrong';
};

export class PasswordChecks {
  readonly #service: string;
  readonly #turns = new Turns(PASSWORD_CHECKS_MAX);

  constructor(service: string) {
    this.#service = service;
  }

  async ask(question: PasswordQuestion): Promise<PasswordVerdict> {
    if (this.#turns.waiting >= PASSWORD_CHECKS_WAITING_MAX) return 'unavailable';
    return this.#turns.run(() => this.#run(question));
  }

  #run(question: PasswordQuestion): Promise<PasswordVerdict> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [PROGRAM], {
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
        cwd: '/',
        stdio: ['pipe', 'pipe', 'inherit'],
        timeout: PASSWORD_CHECK_MS_MAX,
        killSignal: 'SIGKILL',
      });
      let text = '';
      child.stdout.setEncoding('utf8');
      child.stdout.on('data', (part: string) => {
        text = (text + part).slice(0, 16);
      });
      child.on('error', () => resolve('unavailable'));
      child.on('close', () => {
        resolve(verdictOfAnswer(text));
      });
      // A child that is gone already says so by closing.
      child.stdin.on('error', () => undefined);
      child.stdin.end(JSON.stringify({ service: this.#service, ...question }));
    });
  }
}
