/** The log: JSON lines on standard error, for those who run the server. */
import { pino } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** The log as services see it: facts first, then one line of text. */
export interface Logger {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
  /** A logger that adds facts to each line. */
  child(facts: object): Logger;
}

/** Keys whose values never reach the log, whatever object they are in. */
const SECRET_KEYS = ['password', 'token', 'secret', 'key', 'destinationToken', 'authorization'];

/** Opens the log of the process. */
export const openLogger = (level: LogLevel): Logger =>
  pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
        censor: '[redacted]',
      },
    },
    // Synchronous, so that the last lines before a crash are not lost. Nothing logs per call.
    pino.destination({ fd: 2, sync: true }),
  );

/** A log that goes nowhere. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
