/**
 * Everything that takes bytes from outside, fed with mutations of a kept corpus: no crash, no answer
 * that takes more than a second, bounded memory, and the process is alive at the end.
 * `JETSTREAM_FUZZ_MINUTES=10` runs that long, see corpus-fuzzer.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { CommandError, ERRORS } from '@jetstream/contract';
import { decodeEntryBlock, decodeTrailerBlock } from '@jetstream/transport';
import { loadNativeProcesses, type NativeProcesses } from '@jetstream/udp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeMessage } from '../../packages/server/src/adapters/agents/message-codec.js';
import {
  parseAccountRequest,
  parseAgentRequest,
  parsePasswordRequest,
} from '../../packages/server/src/monitor/monitor-messages.js';
import {
  parseTriggerRequest,
  parseTriggerStop,
} from '../../packages/server/src/monitor/trigger-messages.js';
import { decodeTriggerEnd } from '../../packages/server/src/monitor/trigger-runner-messages.js';
import { ManifestList } from '../../packages/server/src/storage/manifest-list-reader.js';
import { parseToken } from '../../packages/server/src/tokens/token-text.js';
import { LOOPBACK, repositoryRoot, type ServerProcess } from '../../scripts/server-process.js';
import { type Lab, openLab } from '../integration/servers.js';
import { type Border, fuzz, fuzzMs } from './corpus-fuzzer.js';

/** Growth of a process that stays after any number of inputs. */
const GROWTH_BYTES_MAX = 400 * 1024 * 1024;
const STACK_TRACE = /\bat .*\.(?:js|ts|mjs):\d+|node:internal|node_modules/;
const ANSWER_MS = 10_000;
const NOBODY = 65_534;
const native = loadNativeProcesses();

const residentBytes = (pid: number): number => {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
};

let lab: Lab;
let server: ServerProcess;
let token = '';
let place = '';
const connections = new Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false });

interface Answer {
  readonly status: number;
  readonly text: string;
}

const postOnce = (
  path: string,
  body: Uint8Array,
  headers: Record<string, string>,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const options = { host: LOOPBACK, port: server.ready.apiPort, path, method: 'POST' };
    const sent = request(
      { ...options, headers, agent: connections, timeout: ANSWER_MS },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end(body);
  });

/** A connection that the server has closed after a bad head may be taken once more; then it is gone. */
const post: typeof postOnce = async (path, body, headers) => {
  try {
    return await postOnce(path, body, headers);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    connections.destroy();
    return postOnce(path, body, headers);
  }
};

/** Codes of the errors in an answer; each is one of the table, and none is our own fault. */
const codesIn = (text: string): string => {
  expect(text).not.toMatch(STACK_TRACE);
  if (text === '') return 'nothing';
  const replies = [JSON.parse(text)].flat() as { error?: { data?: object; code?: unknown } }[];
  const codes = replies.map(({ error }) => {
    if (error === undefined) return 'ok';
    const { code } = { code: error.code, ...error.data };
    expect(Object.keys(ERRORS)).toContain(code);
    expect(code).not.toBe('internal');
    return String(code);
  });
  return [...new Set(codes)].sort().join(' ');
};

beforeAll(async () => {
  lab = openLab();
  place = mkdtempSync(join(tmpdir(), 'jetstream-fuzz-'));
  chmodSync(place, 0o777);
  server = await lab.start('paris', { flags: [`--sandbox-dir=${place}`, '--log-level=silent'] });
  const api = await lab.login(server);
  ({ token } = await api.server.createAPIToken({ permissions: 0 }));
}, 120_000);

afterAll(async () => {
  connections.destroy();
  await lab[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
});

const WORDS = [
  ...['{', '}', '[', ']', '"', '\\', ',', ':', 'null', 'true', '1e999', '-0', '\u0000', '"":'],
  ...['__proto__', 'constructor', 'js1.', '../', '/', '\ud800', '"jsonrpc":"2.0"', '"id":'],
  ...['"method":"lsAsync"', '"params":', '9007199254740993', '%2e%2e%2f', '\r\n', '\u202e'],
];

/** JSON-RPC entry, with a login that may do nothing and without one. */
const rpc: Border = {
  name: 'rpc',
  runs: 150,
  words: WORDS,
  feed: async (input) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const { status, text } = await post('/rpc', input, headers);
    expect([200, 204, 400, 413]).toContain(status);
    return `${status} ${codesIn(text)}`;
  },
};

/** Bodies of plain calls: the first line is the path below `/api/` and the type, the rest the body. */
const http: Border = {
  name: 'http',
  runs: 150,
  words: WORDS,
  feed: async (input) => {
    const text = Buffer.from(input);
    const end = text.indexOf(10);
    const line = text.subarray(0, Math.max(end, 0)).toString('latin1');
    const [method = '', type = ''] = line.replaceAll(/[^\x21-\x7e ]/g, '').split(' ');
    const path = `/api/${encodeURI(method.replaceAll(/[?#%]/g, ''))}`;
    const headers = { 'content-type': type || 'application/json' };
    const answer = await post(path, text.subarray(end + 1), headers);
    expect(answer.status).toBeGreaterThanOrEqual(200);
    expect(answer.status).toBeLessThan(500);
    return `${answer.status} ${codesIn(answer.text)}`;
  },
};

/** Tokens, as text and as the credential of a call. */
const tokens: Border = {
  name: 'tokens',
  runs: 2000,
  words: ['js1.', '.', '-', '_', '=', ' ', 'A'.repeat(27), 'a'.repeat(16), '\u0000', 'é'],
  feed: (input) => {
    const parsed = parseToken(Buffer.from(input).toString('latin1'));
    if (parsed === null) return 'none';
    expect(parsed.id).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect(String(parsed.secret)).not.toContain(parsed.secret.reveal());
    return 'token';
  },
};

/** File lists: those on the disk of the server, and those that another server sends. */
const manifests: Border = {
  name: 'manifests',
  runs: 800,
  words: [...WORDS, '{"k":"f","r":0,"s":"a","d":"/a","z":1,"t":1,"m":420}\n', '\u0000\u0000'],
  feed: (input) => {
    const seen: string[] = [];
    for (const decode of [decodeEntryBlock, decodeTrailerBlock]) {
      const found = decode(input);
      if ('fault' in found) expect(found.fault).not.toBe('');
      else seen.push(`${found.items.length > 0}`);
    }
    const file = join(place, 'list');
    writeFileSync(file, input);
    try {
      ManifestList.open(file).close();
      seen.push('list');
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      seen.push(error.code);
    }
    return seen.join(' ');
  },
};

/** What the monitor takes from the server and from what it runs. */
const monitor: Border = {
  name: 'monitor',
  runs: 2000,
  words: [...WORDS, '"agentOf":', '"user":', '"password":', '"call":', '"stopTrigger":'],
  feed: (input) => {
    const line = Buffer.from(input).toString();
    const taken = {
      password: parsePasswordRequest(line) !== null,
      account: parseAccountRequest(line) !== null,
      trigger: parseTriggerRequest(line) !== null,
      stop: parseTriggerStop(line) !== null,
      end: decodeTriggerEnd(line) !== null,
      agent: parseAgentRequest(decodeMessage(input)) !== null,
    };
    return JSON.stringify(taken);
  },
};

/** A file agent that runs; root has it work as nobody, who owns nothing that could be harmed. */
interface RunningAgent {
  readonly child: ChildProcess;
  readonly control: number;
  connect(): number;
}

const startAgent = (processes: NativeProcesses): RunningAgent => {
  const program = join(repositoryRoot(), 'packages/server/dist/adapters/agents/file-agent.js');
  const isRoot = process.getuid?.() === 0;
  const ids = isRoot ? [NOBODY, NOBODY] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const name = isRoot ? 'nobody' : userInfo().username;
  const [control = -1, far = -1] = processes.socketPair();
  const args = [program, name, ...ids.map(String), '600000'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', far] });
  closeSync(far);
  const none = new Uint32Array(0);
  const into = new Uint8Array(65_536);
  return {
    child,
    control,
    connect: () => {
      const [near = -1, other = -1] = processes.socketPair();
      const words = new Uint32Array([other]);
      processes.sendMessage(control, Buffer.from('{"connection":1}'), words, ANSWER_MS);
      closeSync(other);
      processes.receiveMessage(near, into, new Uint32Array(5), ANSWER_MS);
      const open = JSON.stringify({ op: 'open', directory: place, directoriesMax: 0 });
      processes.sendMessage(near, Buffer.from(open), none, ANSWER_MS);
      processes.receiveMessage(near, into, new Uint32Array(5), ANSWER_MS);
      return near;
    },
  };
};

/** Messages to a file agent; the answer to a question behind each shows that it lives. */
const agentBorder = (processes: NativeProcesses, agent: RunningAgent): Border => {
  const none = new Uint32Array(0);
  const into = new Uint8Array(65_536);
  const probe = Buffer.from('{"op":"lstat","root":999999,"path":[]}');
  let connection = agent.connect();
  const answer = (): string => {
    const descriptors = new Uint32Array(5);
    const length = processes.receiveMessage(connection, into, descriptors, ANSWER_MS);
    for (const fd of descriptors.subarray(1, 1 + (descriptors[0] ?? 0))) closeSync(fd);
    if (length === 0) return '';
    return Buffer.from(into.subarray(0, length)).toString();
  };
  return {
    name: 'agent',
    runs: 600,
    words: [
      ...WORDS,
      '"op":"openFile"',
      '"op":"list"',
      '"op":"within"',
      '"root":1',
      '"path":["f"]',
    ],
    feed: (input) => {
      expect(agent.child.exitCode).toBeNull();
      if (input.length === 0 || input.length > into.length) return 'not sent';
      processes.sendMessage(connection, input, none, ANSWER_MS);
      processes.sendMessage(connection, probe, none, ANSWER_MS);
      // A message without an answer leaves that of the question only.
      let last = '';
      for (let text = answer(); ; text = answer()) {
        if (text === '') {
          closeSync(connection);
          connection = agent.connect();
          return 'closed';
        }
        if (text.includes('root 999999')) break;
        last = text;
      }
      if (last === '') return 'silent';
      const { error } = JSON.parse(last) as { error?: { code: string; errno: string } };
      return error === undefined ? 'value' : `${error.code} ${error.errno}`;
    },
  };
};

const borders = [rpc, http, tokens, manifests, monitor];
const ms = fuzzMs(borders.length + 1);
const timeout = 240_000 + 2 * ms;

it.each(borders)('$name: any bytes are taken or refused, soon', { timeout }, async (border) => {
  const pids = [server.ready.pid, process.pid];
  const before = pids.map(residentBytes);
  expect(await fuzz(border, ms)).toBeGreaterThan(10);
  expect(server.running()).toBe(true);
  for (const [at, pid] of pids.entries()) {
    expect(residentBytes(pid) - (before[at] ?? 0)).toBeLessThan(GROWTH_BYTES_MAX);
  }
});

it.runIf(native !== null)(
  'agent: any message is answered or refused, soon',
  { timeout },
  async () => {
    const processes = native as NativeProcesses;
    const agent = startAgent(processes);
    const { pid = 0 } = agent.child;
    try {
      const border = agentBorder(processes, agent);
      const before = residentBytes(pid);
      expect(await fuzz(border, ms)).toBeGreaterThan(10);
      expect(agent.child.exitCode).toBeNull();
      expect(residentBytes(pid) - before).toBeLessThan(GROWTH_BYTES_MAX);
    } finally {
      agent.child.kill('SIGKILL');
      closeSync(agent.control);
    }
  },
);
