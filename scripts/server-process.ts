/**
 * Runs `jetstream server` as a child process, for the demo and the tests of whole processes.
 *
 * A server prints one JSON line on stdout when it is ready and logs to stderr, which goes to a
 * file, so that a failure can show what the server said. Whatever happens to this process, short
 * of SIGKILL, no child outlives it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Address that the demo and the tests use. */
export const LOOPBACK = '127.0.0.1';

/** What a server says about itself when it is ready. */
export interface ReadyLine {
  readonly event: 'ready';
  readonly apiPort: number;
  readonly recvPort: number;
  readonly pid: number;
}

/** How to start a server; port 0 lets the system choose. */
export interface ServerProcessOptions {
  /** Name in server info, and of the log file. */
  readonly name: string;
  /** Directory for state and log; made when missing. */
  readonly directory: string;
  readonly apiPort?: number;
  readonly recvPort?: number;
  /** More command-line flags of `jetstream server`. */
  readonly flags?: readonly string[];
  /** Command that runs the server's command line, such as `ip netns exec NAME`; it must exec. */
  readonly launcher?: readonly string[];
  /** Flags of Node itself, such as those that write a profile. */
  readonly nodeFlags?: readonly string[];
  /** Environment variables beside the inherited ones. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Puts the server into a process group of its own, so that it can be released. */
  readonly detached?: boolean;
  /** Longest wait for the ready line; default 30 s. */
  readonly readyTimeoutMs?: number;
}

/** A running server. */
export interface ServerProcess {
  readonly name: string;
  readonly directory: string;
  readonly ready: ReadyLine;
  readonly stateDir: string;
  /** Where the server's log goes. */
  readonly logPath: string;
  /**
   * Asks the server to end (SIGTERM) and insists after `drainMs` (SIGKILL).
   *
   * @returns Its exit code, null when a signal ended it.
   */
  stop(drainMs?: number): Promise<number | null>;
  /** SIGKILL: the server gets no chance to write anything. */
  kill(): Promise<void>;
  /** Lets a detached server outlive this process. */
  release(): void;
  /** Whether the process still runs. */
  running(): boolean;
}

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** The folder that holds `packages/`, both for the source and for the compiled script. */
export function repositoryRoot(): string {
  const here = fileURLToPath(new URL('.', import.meta.url));
  return join(here, here.endsWith('/dist/') ? '../..' : '..');
}

/** The CLI's entry point. */
export function cliPath(): string {
  return join(repositoryRoot(), 'packages/cli/bin/jetstream.js');
}

/** Last lines of a server's log, for an error message. */
export function logTail(logPath: string, lines = 15): string {
  return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * Starts a server and waits until it is ready.
 *
 * @throws {Error} If it ends or stays silent; the message holds the end of its log.
 */
export async function startServer(options: ServerProcessOptions): Promise<ServerProcess> {
  const stateDir = join(options.directory, 'state');
  const logPath = join(options.directory, `${options.name}.log`);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const child = spawnServer(options, { stateDir, logPath });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      children.delete(child);
      resolve();
    });
    child.once('error', () => resolve());
  });
  const end = async (drainMs: number): Promise<number | null> => {
    const force = setTimeout(() => child.kill('SIGKILL'), drainMs);
    child.kill(drainMs === 0 ? 'SIGKILL' : 'SIGTERM');
    await exited;
    clearTimeout(force);
    return child.exitCode;
  };
  try {
    const ready = await awaitReady(child, { exited, timeoutMs: options.readyTimeoutMs ?? 30_000 });
    return {
      name: options.name,
      directory: options.directory,
      ready,
      stateDir,
      logPath,
      stop: (drainMs = 10_000) => end(drainMs),
      kill: async () => void (await end(0)),
      release: () => {
        children.delete(child);
        child.stdout?.destroy();
        child.unref();
      },
      running: () => child.exitCode === null && child.signalCode === null,
    };
  } catch (cause) {
    await end(0);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot start server "${options.name}": ${reason}\n${logTail(logPath)}`;
    throw new Error(message, { cause });
  }
}

interface ServerPlaces {
  readonly stateDir: string;
  readonly logPath: string;
}

function spawnServer(options: ServerProcessOptions, places: ServerPlaces): ChildProcess {
  const log = openSync(places.logPath, 'a', 0o600);
  const [command = process.execPath, ...before] = [...(options.launcher ?? []), process.execPath];
  const child = spawn(
    command,
    [
      ...before,
      ...(options.nodeFlags ?? []),
      cliPath(),
      'server',
      `--api-host=${LOOPBACK}`,
      `--api-port=${options.apiPort ?? 0}`,
      `--recv-port=${options.recvPort ?? 0}`,
      `--persistent-state-dir=${places.stateDir}`,
      `--server-name=${options.name}`,
      ...(options.flags ?? []),
    ],
    {
      stdio: ['ignore', 'pipe', log],
      // As root too, one process is what most scripts want to look at.
      env: { ...process.env, JETSTREAM_SINGLE_PROCESS: '1', ...options.environment },
      detached: options.detached ?? false,
    },
  );
  closeSync(log);
  children.add(child);
  return child;
}

interface ReadyWait {
  readonly exited: Promise<void>;
  readonly timeoutMs: number;
}

function awaitReady(child: ChildProcess, wait: ReadyWait): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no ready line within ${wait.timeoutMs} ms`)),
      wait.timeoutMs,
    );
    void wait.exited.then(() => {
      clearTimeout(timer);
      reject(new Error(`the process ended with ${child.exitCode ?? child.signalCode}`));
    });
    child.once('error', reject);
    // Reading goes on after the ready line, so that the pipe never fills.
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const ready = parseReadyLine(line);
      if (ready === undefined) return;
      clearTimeout(timer);
      resolve(ready);
    });
  });
}

/** Reads a ready line; undefined for any other line. */
export function parseReadyLine(line: string): ReadyLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { event, apiPort, recvPort, pid } = value as Partial<ReadyLine>;
  if (event !== 'ready' || typeof apiPort !== 'number' || typeof recvPort !== 'number') {
    return undefined;
  }
  return { event, apiPort, recvPort, pid: typeof pid === 'number' ? pid : 0 };
}
