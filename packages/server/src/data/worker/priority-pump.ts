/** Whose chunks are read next, among transfers that share a flow. */
import type { SendJob } from './send-job.js';

/** What the pump asks of a job. */
export type PumpedJob = Pick<SendJob, 'drained' | 'pump' | 'reading'> & {
  readonly order: Pick<SendJob['order'], 'priority'>;
};

/**
 * Has all jobs read ahead. What is being read for jobs with a lower number counts against the
 * read-ahead of those behind them, so those get what the others leave: all of it while these wait for
 * their receiver. Jobs of one priority share evenly.
 *
 * @returns Whether all has been read.
 */
export const pumpByPriority = (jobs: Iterable<PumpedJob>): boolean => {
  const sorted = [...jobs].sort((a, b) => a.order.priority - b.order.priority);
  let priority = Number.NEGATIVE_INFINITY;
  let before = 0;
  let equals = 0;
  for (const job of sorted) {
    if (job.order.priority > priority) {
      priority = job.order.priority;
      before += equals;
      equals = 0;
    }
    job.pump(before);
    equals += job.reading;
  }
  return sorted.every((job) => job.drained);
};
