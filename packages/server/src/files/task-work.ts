import type { Report } from './file-task.js';
import type { HashPool } from './hash-pool.js';

/** What a task may use beside the disk. */
export interface TaskWork {
  readonly report: Report;
  readonly hashPool: HashPool;
}
