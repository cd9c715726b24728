/**
 * Speed of the control channel: `echo` over one WebSocket and over HTTP connections that stay open,
 * beside `rclone rc` in the same run; memory of idle sessions; time until a server is ready.
 *
 * Usage: bench/control-speed [--seconds 5] [--runs 3] [--cpu-prof DIR] [--dry]
 *
 * Writes medians into RESULTS.md unless `--dry`. Without rclone (`apt-get install rclone`) and
 * openssl its rows are missing, and the script says so. Refuses unknown options.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { localKeyFile } from '../../scripts/dist/server-client.js';
import { LOOPBACK, type ServerProcess, startServer } from '../../scripts/dist/server-process.js';
import type { LoadOrder, LoadReport } from './load-client.js';
import { cpuSeconds, isListening } from './process-meter.js';
import { recordSection, type Verdict } from './results-file.js';
import { format, median, table } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '3' },
    'cpu-prof': { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

const WS_TARGET = 20_000;
const HTTP_TARGET = 8000;
const IN_FLIGHT = 64;
const CONNECTIONS = 16;
const SESSIONS = 1000;
const SESSIONS_BYTES_MAX = 100e6;
const START_MS_MAX = 1000;
const RCLONE_PORT = 5572;

const CLIENT = fileURLToPath(new URL('./load-client.js', import.meta.url));

interface Load {
  readonly report: LoadReport;
  readonly child: ChildProcess;
}

/** Starts a client; resolves with its report. */
async function startLoad(order: LoadOrder): Promise<Load> {
  const child = spawn(process.execPath, [CLIENT, JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const line = (await Promise.race([once(lines, 'line'), once(child, 'exit')]))[0] as unknown;
  if (typeof line !== 'string') throw new Error(`The client has failed: ${String(line)}`);
  return { report: JSON.parse(line) as LoadReport, child };
}

interface Row {
  readonly what: string;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds of the server process, and of the client, for each call. */
  readonly serverUs: number;
  readonly clientUs: number;
}

interface Target {
  readonly what: string;
  readonly pid: number;
  readonly order: LoadOrder;
}

async function measureOnce({ what, pid, order }: Target): Promise<Row> {
  const before = cpuSeconds(pid);
  const { report, child } = await startLoad(order);
  const used = cpuSeconds(pid) - before;
  if (child.exitCode === null) await once(child, 'exit');
  const { calls, seconds, p50Ms, p99Ms } = report;
  return {
    what,
    callsPerSecond: calls / seconds,
    p50Ms,
    p99Ms,
    serverUs: (used / calls) * 1e6,
    clientUs: (report.cpuSeconds / calls) * 1e6,
  };
}

function medianRow(rows: readonly Row[]): Row {
  const of = (pick: (row: Row) => number): number => median(rows.map(pick));
  return {
    what: rows[0]?.what ?? '',
    callsPerSecond: of((row) => row.callsPerSecond),
    p50Ms: of((row) => row.p50Ms),
    p99Ms: of((row) => row.p99Ms),
    serverUs: of((row) => row.serverUs),
    clientUs: of((row) => row.clientUs),
  };
}

function ourTargets(server: ServerProcess): Target[] {
  const { key: token } = JSON.parse(readFileSync(localKeyFile(server), 'utf8')) as { key: string };
  const { apiPort: port, pid } = server.ready;
  const seconds = countOf('seconds', values.seconds);
  const common = { port, secure: true, token, seconds, expected: 'some text' };
  const text = { text: 'some text' };
  const rpc = { jsonrpc: '2.0', id: 1, method: 'echo', params: text };
  const http = { ...common, kind: 'http', parallel: CONNECTIONS } as const;
  const api = JSON.stringify(text);
  return [
    {
      what: `echo, one WebSocket, ${IN_FLIGHT} in flight`,
      pid,
      order: { ...common, kind: 'ws', path: '/rpc', body: '', parallel: IN_FLIGHT },
    },
    {
      what: `echo, POST /api/echo, ${CONNECTIONS} connections`,
      pid,
      order: { ...http, path: '/api/echo', body: api },
    },
    {
      what: `echo, POST /rpc, ${CONNECTIONS} connections`,
      pid,
      order: { ...http, path: '/rpc', body: JSON.stringify(rpc) },
    },
  ];
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Rival {
  readonly targets: readonly Target[];
  stop(): void;
}

/** `rclone rcd` with TLS like ours, and without. */
async function startRclone(directory: string): Promise<Rival> {
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const openssl = ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert];
  execFileSync('openssl', openssl, { stdio: 'ignore' });
  const children: ChildProcess[] = [];
  const start = async (port: number, flags: readonly string[]): Promise<number> => {
    const base = ['rcd', '--rc-no-auth', `--rc-addr=${LOOPBACK}:${port}`, '--config='];
    const child = spawn('rclone', [...base, ...flags], { stdio: 'ignore' });
    children.push(child);
    const pid = child.pid ?? 0;
    for (let waited = 0; waited < 200; waited += 1) {
      if (isListening(pid, port)) return pid;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`rclone does not listen on port ${port}`);
  };
  const target = (pid: number, port: number, secure: boolean): Target => ({
    what: `rclone rc/noop, ${secure ? 'HTTPS' : 'HTTP without TLS'}, ${CONNECTIONS} connections`,
    pid,
    order: {
      kind: 'http',
      port,
      secure,
      path: '/rc/noop',
      body: JSON.stringify({ text: 'some text' }),
      expected: 'some text',
      token: null,
      parallel: CONNECTIONS,
      seconds: countOf('seconds', values.seconds),
    },
  });
  const secure = await start(RCLONE_PORT, [`--rc-cert=${cert}`, `--rc-key=${key}`]);
  const plain = await start(RCLONE_PORT + 1, []);
  return {
    targets: [target(secure, RCLONE_PORT, true), target(plain, RCLONE_PORT + 1, false)],
    stop: () => {
      for (const child of children) child.kill();
    },
  };
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Memory that idle, logged-in sessions cost a fresh server. */
async function measureSessions(directory: string): Promise<number> {
  const server = await startServer({ name: 'idle', directory: join(directory, 'idle') });
  const [first] = ourTargets(server);
  if (first === undefined) throw new Error('nothing to measure');
  const warm = await startLoad({ ...first.order, kind: 'idle', parallel: 10 });
  await pause(1000);
  const before = residentBytes(server.ready.pid);
  const { child } = await startLoad({ ...first.order, kind: 'idle', parallel: SESSIONS });
  await pause(1000);
  const after = residentBytes(server.ready.pid);
  for (const each of [child, warm.child]) each.stdin?.end();
  await server.stop();
  return after - before;
}

/** Milliseconds from the start of the process to its ready line. */
async function measureStart(directory: string, name: string): Promise<number> {
  const started = performance.now();
  const server = await startServer({ name, directory });
  const ms = performance.now() - started;
  await server.stop();
  return ms;
}

/** Milliseconds of starts, in order. */
interface Starts {
  /** With an empty state directory: keys, certificates and tables are made. */
  readonly first: readonly number[];
  readonly later: readonly number[];
}

async function measureStarts(directory: string, runs: number): Promise<Starts> {
  const first: number[] = [];
  const later: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const place = join(directory, `start-${run}`);
    first.push(await measureStart(place, 'start'));
    later.push(await measureStart(place, 'start'));
  }
  return { first, later };
}

const startVerdict = (what: string, starts: readonly number[]): Verdict => ({
  what,
  target: `< ${START_MS_MAX} ms`,
  measured: `${format(median(starts))} ms`,
  met: median(starts) < START_MS_MAX,
});

function verdictsOf(rows: readonly Row[], sessionBytes: number, starts: Starts): Verdict[] {
  const [ws, api, rpc] = rows;
  const speed = (row: Row | undefined, least: number): Verdict => ({
    what: row?.what ?? '',
    target: `>= ${least} calls/s`,
    measured: `${format(row?.callsPerSecond ?? null)} calls/s`,
    met: (row?.callsPerSecond ?? 0) >= least,
  });
  return [
    speed(ws, WS_TARGET),
    speed(api, HTTP_TARGET),
    speed(rpc, HTTP_TARGET),
    {
      what: `${SESSIONS} idle sessions`,
      target: `< ${SESSIONS_BYTES_MAX / 1e6} MB`,
      measured: `${format(sessionBytes / 1e6, 1)} MB`,
      met: sessionBytes < SESSIONS_BYTES_MAX,
    },
    startVerdict('a server is ready, first start', starts.first),
    startVerdict('a server is ready, later starts', starts.later),
  ];
}

const listOf = (all: readonly number[]): string => all.map((ms) => format(ms)).join(', ');

await runMain(async () => {
  const directory = await openWorkplace(MEMORY_DIRECTORY);
  const runs = countOf('runs', values.runs);
  const starts = await measureStarts(directory, runs);
  const sessionBytes = await measureSessions(directory);
  const profile = values['cpu-prof'];
  const server = await startServer({
    name: 'fast',
    directory: join(directory, 'fast'),
    ...(profile === undefined ? {} : { nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${profile}`] }),
  });
  const hasRival = isInstalled('rclone') && isInstalled('openssl');
  if (!hasRival) note('rclone or openssl is not installed: measured without rclone rc');
  mkdirSync(join(directory, 'rclone'));
  const rival = hasRival ? await startRclone(join(directory, 'rclone')) : null;
  const rows: Row[] = [];
  try {
    for (const target of [...ourTargets(server), ...(rival?.targets ?? [])]) {
      const measured: Row[] = [];
      for (let run = 0; run < runs; run += 1) measured.push(await measureOnce(target));
      rows.push(medianRow(measured));
      note(
        `${target.what}: ${measured.map((row) => format(row.callsPerSecond)).join(' ')} calls/s`,
      );
    }
  } finally {
    rival?.stop();
    await server.stop();
  }
  const verdicts = verdictsOf(rows, sessionBytes, starts);
  for (const { what, measured, met } of verdicts)
    note(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured}`);
  const body = table(
    [
      ['what', (row) => row.what],
      ['calls/s', (row) => format(row.callsPerSecond)],
      ['p50, ms', (row) => format(row.p50Ms, 2)],
      ['p99, ms', (row) => format(row.p99Ms, 2)],
      ['CPU us/call, server', (row) => format(row.serverUs, 1)],
      ['client', (row) => format(row.clientUs, 1)],
    ],
    rows,
  );
  process.stdout.write(`${body}\n`);
  if (values.dry) return;
  const without = rival === null ? ' rclone was not installed.' : '';
  recordSection({
    id: '5 control speed',
    title: 'Speed of the control channel',
    settings: `\`bench/control-speed\`; medians of ${runs} runs of ${values.seconds} s, TLS 1.3 on loopback, server and client share the cores. First starts: ${listOf(starts.first)} ms; later ones: ${listOf(starts.later)} ms.${without}`,
    verdicts,
    body,
  });
});
