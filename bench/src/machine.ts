/** What a figure was measured on: without it a number means nothing later. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, getPriority, release, totalmem } from 'node:os';
import { repositoryRoot } from '../../scripts/dist/server-process.js';

function git(...args: readonly string[]): string {
  return execFileSync('git', [...args], { cwd: repositoryRoot(), encoding: 'utf8' }).trim();
}

/** Short commit, with "+changes" when what is built differs from it. */
export function commitName(): string {
  const dirty = git('status', '--porcelain', '--untracked-files=normal', '--', 'packages') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${dirty ? '+changes' : ''}`;
}

/** Place of the scheduling policy after the name in `/proc/PID/stat`. */
const POLICY_FIELD = 38;
const ORDINARY_POLICY = '0';

/** How this process and its children are scheduled, when it is not as usual. */
function schedulingText(): string {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const policy = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[POLICY_FIELD];
  if (policy !== ORDINARY_POLICY) return 'real-time scheduling (`chrt -r 1`) on a busy machine, ';
  return getPriority() === 0 ? '' : `niceness ${getPriority()}, `;
}

/** One line about this machine. */
export function machineLine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return (
    `${schedulingText()}${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${memory} GiB, ` +
    `Linux ${release()}, Node ${process.versions.node}`
  );
}

/** Date of today, UTC. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}
