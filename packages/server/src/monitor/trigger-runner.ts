/**
 * Runs one trigger as one account: a process that the monitor starts, that gives up everything but
 * the account before it reads what to run, and that ends with the trigger. When its input ends, it
 * ends the trigger.
 */
import { writeSync } from 'node:fs';
import { accountOf, becomeAccount } from '../adapters/agents/become-account.js';
import { systemClock } from '../adapters/clock/clock.js';
import { runTrigger } from '../triggers/run-trigger.js';
import { readLines } from './line-reader.js';
import { MONITOR_LINE_BYTES_MAX } from './monitor-limits.js';
import type { TriggerRunnerOrder } from './trigger-runner-messages.js';

becomeAccount(accountOf(process.argv.slice(2)));
const ending = new AbortController();
process.stdin.on('close', () => ending.abort());
readLines(process.stdin, MONITOR_LINE_BYTES_MAX, (line) => {
  const order = JSON.parse(line) as TriggerRunnerOrder;
  void runTrigger({ ...order, clock: systemClock, signal: ending.signal }).then((end) => {
    const text = Buffer.from(JSON.stringify(end));
    for (let at = 0; at < text.length; ) at += writeSync(1, text, at);
    process.exit();
  });
});
