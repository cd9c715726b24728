/** The built binary, as a user runs it, against a server that it runs itself. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from './program.js';
import type { Terminal } from './terminal.js';

// Each case starts processes, on machines that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const BINARY = fileURLToPath(new URL('../bin/jetstream.js', import.meta.url));

interface Ready {
  readonly event: string;
  readonly apiPort: number;
  readonly recvPort: number;
}

let directory: string;
let server: ChildProcess;
let ready: Ready;
let keyFile: string;

const environment = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  TMPDIR: join(directory, 'tmp'),
  HOME: directory,
  XDG_CONFIG_HOME: join(directory, 'config'),
  XDG_STATE_HOME: join(directory, 'state-home'),
  // Also when the tests are run by root.
  JETSTREAM_SINGLE_PROCESS: '1',
  ...more,
});

const start = (args: readonly string[], more: Record<string, string> = {}): ChildProcess =>
  spawn(process.execPath, [BINARY, ...args], { env: environment(more) });

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const run = async (
  args: readonly string[],
  options: { more?: Record<string, string>; input?: string } = {},
): Promise<Ended> => {
  const child = start(args, options.more);
  child.stdin?.end(options.input ?? '');
  const [out, err, [code]] = await Promise.all([
    text(child.stdout as Readable),
    text(child.stderr as Readable),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, out, err };
};

/** The same without the cost of a process, where it is the command that is tested. */
const runHere = async (
  args: readonly string[],
  options: { more?: Record<string, string>; input?: string } = {},
): Promise<Ended> => {
  const written = { out: '', err: '' };
  const terminal: Terminal = {
    environment: environment(options.more),
    outIsTty: false,
    errIsTty: false,
    inIsTty: false,
    out: (bytes) => {
      written.out += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
    },
    err: (line) => {
      written.err += line;
    },
    askSecret: () => Promise.reject(new Error('nobody is there')),
    readInput: () => Promise.resolve((options.input ?? '').trimEnd()),
    interrupted: new AbortController().signal,
  };
  return { code: await runCli(args, terminal), ...written };
};

const firstLine = async (stream: Readable): Promise<string> => {
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error('the server ended without a word');
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'jetstream-binary-'));
  mkdirSync(join(directory, 'tmp'));
  const stateDir = join(directory, 'server');
  keyFile = join(stateDir, 'local.key');
  const flags = ['--api-port=0', '--recv-port=0', '--api-host', '127.0.0.1', '--log-level=warn'];
  server = start(['server', ...flags, `--persistent-state-dir=${stateDir}`]);
  ready = JSON.parse(await firstLine(server.stdout as Readable)) as Ready;
}, 30_000);

afterAll(async () => {
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  rmSync(directory, { recursive: true });
});

const api = (...args: string[]): string[] => [
  'api',
  '--host=127.0.0.1',
  `--api-control-port=${ready.apiPort}`,
  ...args,
];

describe('jetstream server', () => {
  it('says in one line that it is ready', () => {
    expect(ready.event).toBe('ready');
    expect(ready.apiPort).toBeGreaterThan(0);
    expect(ready.recvPort).toBeGreaterThan(0);
  });

  it('refuses an option that cannot be used', async () => {
    const wrong = await run(['server', '--api-port=99999']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('apiPort');
    const unknown = await run(['server', '--api-prot=1']);
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain('--api-prot');
  });

  it('names a state directory that cannot be made, and ends', () => {
    const args = [BINARY, 'server', '--persistent-state-dir=/proc/x'];
    const options = { env: environment(), encoding: 'utf8', timeout: 30_000 } as const;
    const { status, stderr } = spawnSync(process.execPath, args, options);
    expect(stderr).toContain('Cannot make the state directory "/proc/x": ENOENT');
    expect(status).toBe(1);
  });

  it('lists its flags', async () => {
    const { code, out } = await run(['server', '--help']);
    expect(code).toBe(0);
    expect(out).toContain('--persistent-state-dir');
  });

  it('stops with code 0 on SIGTERM', async () => {
    const stateDir = join(directory, 'other');
    const flags = ['--api-port=0', '--recv-port=0', '--api-host=127.0.0.1', '--log-level=silent'];
    const other = start(['server', ...flags, `--persistent-state-dir=${stateDir}`]);
    await firstLine(other.stdout as Readable);
    other.kill('SIGTERM');
    expect((await once(other, 'exit'))[0]).toBe(0);
  });
});

describe('jetstream api', () => {
  it('answers a public method without a login', async () => {
    const { code, out } = await run(api('getServerInfo'));
    expect(code).toBe(0);
    const info = JSON.parse(out) as Record<string, unknown>;
    expect(info).toMatchObject({ apiControlPort: ready.apiPort, userName: null });
    expect(Object.keys(info)).toEqual(Object.keys(info).toSorted());
  });

  it('logs in with the key file, and waits for a request by its plain name', async () => {
    const echo = await runHere(api(`--local-key-file=${keyFile}`, 'echo', '--text=a=b'));
    expect(echo).toMatchObject({ code: 0, out: '"a=b"\n' });
    const ls = await runHere(api(`--local-key-file=${keyFile}`, 'ls', '--path=/proc/self/task'));
    expect(ls.code).toBe(0);
    expect(JSON.parse(ls.out)).toMatchObject({ path: '/proc/self/task' });
  });

  it('ends with 3 without a login or with a wrong password', async () => {
    const none = await run(api('echo'));
    expect(none.code).toBe(3);
    expect(none.err).toContain('JETSTREAM_API_PASSWORD');
    const wrong = await run(api('--user=nobody', 'echo'), {
      more: { JETSTREAM_API_PASSWORD: 'wrong' },
    });
    expect(wrong.code).toBe(3);
    expect(wrong.err).not.toContain('wrong\n');
  });

  it('ends with 4 when something does not exist', async () => {
    const flags = [`--local-key-file=${keyFile}`];
    expect((await run(api(...flags, 'ls', '/does/not/exist'))).code).toBe(4);
  });

  it('ends with 6 when the key of the server has changed, and forget mends it', async () => {
    const config = join(directory, 'config', 'jetstream');
    mkdirSync(config, { recursive: true });
    const known = join(config, 'known_servers');
    const address = `localhost:${ready.apiPort}`;
    appendFileSync(known, `\n${address} SHA256:${'A'.repeat(43)}\n`);
    const call = ['api', `--api-control-port=${ready.apiPort}`, 'getServerInfo'];
    const changed = await run(call);
    expect(changed.code).toBe(6);
    expect(changed.err).toContain(`jetstream forget ${address}`);
    expect((await runHere(['forget', address])).code).toBe(0);
    const again = await runHere(call);
    expect(again.code).toBe(0);
    expect(again.err).toContain('Trusting');
    expect((await runHere(call)).err).toBe('');
  });
});

describe('jetstream users', () => {
  const users = (...args: string[]): string[] => [
    'users',
    ...args,
    `--persistent-state-dir=${join(directory, 'server')}`,
  ];
  const echoAs = (password: string): Promise<Ended> =>
    runHere(api('--user=ann', 'echo', '--text=x'), { more: { JETSTREAM_API_PASSWORD: password } });

  it('adds, changes, locks and removes users of a running server', async () => {
    expect((await runHere(users('add', 'ann'), { input: 'first password\n' })).code).toBe(0);
    expect((await echoAs('first password')).code).toBe(0);
    const more = { JETSTREAM_NEW_PASSWORD: 'second password' };
    expect((await runHere(users('passwd', 'ann'), { more })).code).toBe(0);
    expect((await echoAs('first password')).code).toBe(3);
    expect((await runHere(users('lock', 'ann'))).code).toBe(0);
    expect((await echoAs('second password')).code).toBe(3);
    const list = await runHere(users('list', '--json'));
    expect(JSON.parse(list.out)).toMatchObject([{ name: 'ann', locked: true }]);
    expect((await runHere(users('remove', 'ann'))).code).toBe(0);
    expect((await runHere(users('remove', 'ann'))).code).toBe(4);
    expect((await runHere(users('add', 'bob'), { input: 'short' })).code).toBe(2);
  });
});

describe('jetstream ls', () => {
  const ls = (path: string, ...flags: string[]): string[] => [
    'ls',
    `127.0.0.1:${ready.apiPort}:${path}`,
    `--local-key-file=${keyFile}`,
    ...flags,
  ];

  it('lists a directory, and survives a reader that goes away', async () => {
    const many = join(directory, 'many');
    mkdirSync(many);
    for (let index = 0; index < 3000; index += 1) {
      writeFileSync(join(many, `${index}`.padEnd(200, '-')), '');
    }
    const listed = await run(ls(many));
    expect(listed.code).toBe(0);
    expect(listed.out.trimEnd().split('\n')).toHaveLength(3000);
    const child = start(ls(many));
    const err = text(child.stderr as Readable);
    await firstLine(child.stdout as Readable);
    child.stdout?.destroy();
    expect((await once(child, 'exit'))[0]).toBe(0);
    expect(await err).toBe('');
  });

  it('calculates hashes', async () => {
    const file = join(directory, 'abc');
    writeFileSync(file, 'abc');
    const { out } = await runHere(ls(file, '--directory', '--hash=MD5', '--json'));
    expect(JSON.parse(out)).toMatchObject({
      files: [{ name: 'abc', size: 3, hash: '900150983cd24fb0d6963f7d28e17f72' }],
    });
  });
});

describe('jetstream cp', () => {
  const password = 'the password of ann';
  const more = { JETSTREAM_API_PASSWORD: password };
  const remote = (path: string): string => `carl@127.0.0.1:${ready.apiPort}:${path}`;
  const names = (path: string): string[] => readdirSync(path, { recursive: true }).map(String);

  beforeAll(async () => {
    const stateDir = `--persistent-state-dir=${join(directory, 'server')}`;
    await runHere(['users', 'add', 'carl', stateDir], { input: password });
    mkdirSync(join(directory, 'tree', 'sub', 'empty'), { recursive: true });
    writeFileSync(join(directory, 'tree', 'one'), 'one\n');
    writeFileSync(join(directory, 'tree', 'sub', 'two words\n'), Buffer.alloc(300_000, 7));
    writeFileSync(join(directory, 'tree', 'sub', 'nothing'), '');
  });

  it('sends a tree to a server, with a server of its own at this end', async () => {
    const target = join(directory, 'sent');
    const { code, err } = await run(['cp', join(directory, 'tree'), remote(target)], { more });
    expect(err).toContain('Copied');
    expect(code).toBe(0);
    expect(names(target).toSorted()).toEqual(names(join(directory, 'tree')).toSorted());
    expect(readFileSync(join(target, 'sub', 'two words\n'))).toEqual(Buffer.alloc(300_000, 7));
    const receipt = /Receipt (.+)/.exec(err)?.[1] ?? '';
    expect(readFileSync(receipt, 'utf8')).toContain('"totalFiles":4');
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  });

  it('fetches files into a directory, with records for a program', async () => {
    const target = join(directory, 'fetched');
    mkdirSync(target);
    const sources = ['one', 'sub'].map((name) => remote(join(directory, 'tree', name)));
    const { code, out } = await run(['cp', '--json', ...sources, target], { more });
    const records = out.trimEnd().split('\n');
    expect(JSON.parse(records.at(-1) ?? '')).toMatchObject({ event: 'complete', totalFiles: 4 });
    expect(code).toBe(0);
    expect(readFileSync(join(target, 'one'), 'utf8')).toBe('one\n');
    expect(names(target)).toContain('sub/empty');
  });

  it('copies within reach of one server through its own API, under a new name', async () => {
    const target = join(directory, 'copy-of-one');
    const { code } = await run(['cp', remote(join(directory, 'tree/one')), remote(target)], {
      more,
    });
    expect(code).toBe(0);
    expect(readFileSync(target, 'utf8')).toBe('one\n');
  });

  it('names a source that is not there, and a wrong password', async () => {
    const missing = await run(['cp', remote('/not/there'), directory], { more });
    expect(missing.code).toBe(4);
    expect(missing.err).toContain('"/not/there"');
    const refused = await run(['cp', join(directory, 'tree'), remote('/x')], {
      more: { JETSTREAM_API_PASSWORD: 'wrong' },
    });
    expect(refused.code).toBe(3);
  });
});
