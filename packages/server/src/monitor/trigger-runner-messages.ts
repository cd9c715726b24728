/** What the monitor and the process that runs one trigger say to each other. */
import type { RunTriggerOptions, TriggerEnd } from '../triggers/run-trigger.js';
import { fieldsOf, parseLine } from './message-fields.js';

/** Which program to run and how; one line. */
export type TriggerRunnerOrder = Pick<
  RunTriggerOptions,
  'call' | 'directory' | 'file' | 'keepsOutput' | 'timeLimitMs'
>;

const isTextOrNull = (value: unknown): value is string | null =>
  value === null || typeof value === 'string';

/** How a trigger ended, from what the process has written; null for anything else. */
export const decodeTriggerEnd = (text: string): TriggerEnd | null => {
  const fields = fieldsOf(parseLine(text), ['exitCode', 'signal', 'reason', 'output']);
  if (fields === null) return null;
  const { exitCode, signal, reason, output } = fields;
  const isCode = exitCode === null || Number.isSafeInteger(exitCode);
  if (!isCode || !isTextOrNull(signal) || !isTextOrNull(reason)) return null;
  if (typeof output !== 'string') return null;
  return { exitCode: exitCode as number | null, signal, reason, output };
};
