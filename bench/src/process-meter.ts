/** What processes and the machine have used, from `/proc`. */
import { readdirSync, readFileSync } from 'node:fs';

/** Kernel ticks per second in `/proc`; fixed at 100 for user space on Linux. */
const TICKS_PER_SECOND = 100;
/** Positions, after the command name in `/proc/PID/stat`, of user, system and children's time. */
const TIME_FIELDS = [11, 12, 13, 14];

function statFields(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  // The name is in parentheses and may hold spaces and parentheses itself.
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** CPU seconds that a process and its reaped children have used; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = statFields(`/proc/${pid}/stat`);
    return TIME_FIELDS.reduce((sum, at) => sum + Number(fields[at]), 0) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** CPU seconds of each thread of a process, most first. */
export function threadCpuSeconds(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((tid) => {
      const fields = statFields(`/proc/${pid}/task/${tid}/stat`);
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    })
    .sort((a, b) => b - a);
}

/** Most memory that a process has had resident, in bytes. */
export function peakResidentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

/** CPU seconds that anything on this machine has used since it started. */
export function machineBusySeconds(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '';
  const [, user, nice, system, , , irq, softirq] = line.split(/\s+/).map(Number);
  const ticks = (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0);
  return ticks / TICKS_PER_SECOND;
}

/** Bytes that a network device has received in the network namespace of a process. */
export function receivedBytes(pid: number, device: string): number {
  for (const line of readFileSync(`/proc/${pid}/net/dev`, 'utf8').split('\n')) {
    const [name, rest] = line.split(':');
    if (name?.trim() === device) return Number(rest?.trim().split(/\s+/)[0]);
  }
  return 0;
}

/** Whether a process's network namespace has a TCP socket that listens on a port. */
export function isListening(pid: number, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].some((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .some((line) => {
        const [, local, , state] = line.trim().split(/\s+/);
        return state === '0A' && (local ?? '').endsWith(suffix);
      }),
  );
}
