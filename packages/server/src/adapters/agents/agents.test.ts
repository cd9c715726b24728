/** File agents without processes: the calls, the messages, and both ends over a real socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from '@jetstream/contract';
import { loadNativeProcesses } from '@jetstream/udp';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LocalRoot } from '../disk/local-root.js';
import { formatRootAddress, parseRootAddress } from '../disk/root-address.js';
import { AgentCalls, parseAgentCall } from './agent-calls.js';
import { AgentChannel } from './agent-channel.js';
import { AGENT_MESSAGE_BYTES_MAX, AGENT_NAMES_MAX } from './agent-limits.js';
import { agentCallSchema, failureAnswer, valueOfAnswer } from './agent-messages.js';
import { FileAgents } from './agent-pool.js';
import { AgentRoot } from './agent-root.js';
import { decodeMessage, encodeMessage } from './message-codec.js';
import { MessageSocket, nativeProcesses } from './message-socket.js';

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;
const isNative = loadNativeProcesses() !== null;
/** Compiled by `npm test` before the tests run. */
const PROGRAM = fileURLToPath(
  new URL('../../../dist/adapters/agents/file-agent.js', import.meta.url),
);

let base = '';

beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'agents-'));
  return () => fs.rmSync(base, { recursive: true, force: true });
});

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return 'no error';
  } catch (error) {
    return error instanceof CommandError ? error.code : `not a CommandError: ${String(error)}`;
  }
};

describe('root addresses', () => {
  test('come back as they were', () => {
    const owner = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,30}$/));
    const directory = fc.string().map((text) => `/${text}`);
    fc.assert(
      fc.property(fc.record({ owner, directory }), (address) => {
        expect(parseRootAddress(formatRootAddress(address))).toEqual(address);
      }),
    );
  });

  test.each(['', 'a', 'a:', 'a:b', ':/x', '-u:/x', 'a b:/x', 'a/b:/x'])('%j is none', (text) => {
    expect(codeOf(() => parseRootAddress(text))).toBe('path_invalid');
  });
});

describe('messages', () => {
  test('nonsense is no call, and a call is made or fails with a known error', () => {
    const calls = new AgentCalls();
    const message = fc.oneof(
      fc.jsonValue(),
      fc.record({ op: fc.constantFrom('open', 'lstat', 'close', 'rename'), root: fc.jsonValue() }),
      fc.record({
        op: fc.constantFrom('lstat', 'openFile', 'unlink', 'list', 'within', 'listMore', 'setMode'),
        root: fc.nat(),
        list: fc.nat(),
        path: fc.array(fc.string()),
      }),
    );
    fc.assert(
      fc.property(message, (value) => {
        const code = codeOf(() => calls.make(parseAgentCall(value), null));
        expect(['invalid_request', 'no error']).toContain(code);
      }),
      { numRuns: 500 },
    );
    calls.close();
  });

  test('bytes that are no message are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(agentCallSchema.safeParse(decodeMessage(bytes)).success).toBe(false);
      }),
    );
    expect(decodeMessage(new Uint8Array(AGENT_MESSAGE_BYTES_MAX + 1))).toBeUndefined();
  });

  test('names of any bytes travel unchanged', () => {
    const name = fc.oneof(fc.string(), fc.constantFrom('\udcff', 'a\udc80b', 'ä', '\n'));
    fc.assert(
      fc.property(fc.array(name), (names) => {
        expect(decodeMessage(encodeMessage(names))).toEqual(names);
      }),
    );
  });

  test('an answer that is none is an agent that is not there', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(typeof value !== 'object' || value === null || !('value' in value));
        expect(codeOf(() => valueOfAnswer(value))).toBe('agent_unavailable');
      }),
    );
  });

  test('errors keep code, text and errno', () => {
    const error = new CommandError('disk_full', 'Cannot write "/a": full', {
      details: { path: '/a', errno: 'EDQUOT' },
    });
    const answer = decodeMessage(encodeMessage(failureAnswer(error)));
    expect(() => valueOfAnswer(answer)).toThrowError(
      expect.objectContaining({ code: 'disk_full', details: { path: '/a', errno: 'EDQUOT' } }),
    );
  });
});

describe('a root that is not there', () => {
  test('what leads out of a root does not exist for a call', () => {
    const calls = new AgentCalls();
    const inside = path.join(base, 'inside');
    fs.mkdirSync(inside);
    fs.writeFileSync(path.join(base, 'secret'), 'secret');
    fs.symlinkSync('../secret', path.join(inside, 'link'));
    const { value: root } = calls.make(
      { op: 'open', directory: inside, directoriesMax: 0 },
      null,
    ) as { value: number };
    const open = { op: 'openFile', root, flags: O_RDONLY, mode: 0 } as const;
    expect(codeOf(() => calls.make({ ...open, path: ['link'] }, null))).toBe('path_invalid');
    expect(codeOf(() => calls.make({ ...open, path: ['..', 'secret'] }, null))).toBe(
      'path_invalid',
    );
    expect(codeOf(() => calls.make({ ...open, path: ['a/../../secret'] }, null))).toBe(
      'path_invalid',
    );
    expect(codeOf(() => calls.make({ ...open, root: root + 1, path: ['x'] }, null))).toBe(
      'invalid_request',
    );
    calls.close();
  });
});

describe.runIf(isNative && process.getuid !== undefined)('an agent of this account', () => {
  let child: ChildProcess;
  let control: MessageSocket;
  let agents: FileAgents;

  const start = (): void => {
    const [near, far] = nativeProcesses().socketPair();
    const ids = [String(process.getuid?.()), String(process.getgid?.())];
    // Root would need the name; the ids are this account's anyway.
    const args = [PROGRAM, os.userInfo().username, ...ids, '60000'];
    child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', far] });
    fs.closeSync(far);
    control = new MessageSocket(near);
  };

  beforeAll(() => {
    start();
    agents = new FileAgents(() => {
      const [near, far] = nativeProcesses().socketPair();
      control.send({ connection: 1 }, far, 1000);
      fs.closeSync(far);
      return AgentChannel.open(near);
    });
  });

  afterAll(() => {
    child.kill('SIGKILL');
    control.close();
  });

  const openBase = (): AgentRoot => AgentRoot.open(agents.of('self'), base, { directoriesMax: 4 });

  test('does all that a local root does', () => {
    const root = openBase();
    const local = LocalRoot.open(base);
    expect(root.userId).toBe(process.getuid?.());
    expect(root.makeDirectories(['a', 'b'])).toBe(2);
    const fd = root.openFile(['a', 'b', 'f'], O_RDWR | O_CREAT | O_EXCL, 0o644);
    fs.writeSync(fd, 'content');
    root.setTimes(fd, 1_234_567_890_123_456);
    root.setMode(fd, 0o640);
    fs.closeSync(fd);
    const facts = root.lstat(['a', 'b', 'f']);
    const same = local.lstat(['a', 'b', 'f']);
    expect(facts.isFile()).toBe(true);
    for (const key of ['dev', 'ino', 'mode', 'size', 'uid', 'nlink', 'mtimeNs'] as const) {
      expect(facts[key], key).toBe(same[key]);
    }
    expect(facts.mtimeNs).toBe(1_234_567_890_123_456_000n);
    root.makeLink(['a', 'link'], 'b/f');
    expect(root.readLink(['a', 'link'])).toBe('b/f');
    expect(root.lstat(['a', 'link']).isSymbolicLink()).toBe(true);
    const inner = root.within(['a']);
    expect([...inner.readDirectory([])].map(({ name, kind }) => `${name} ${kind}`).sort()).toEqual([
      'b directory',
      'link link',
    ]);
    expect(inner.liesBelow(root.lstat([]))).toBe(true);
    expect(root.liesBelow(inner.lstat([]))).toBe(false);
    inner.moveEntry('link', root, 'moved');
    expect(root.exists(['moved'])).toBe(true);
    root.rename(['a', 'b', 'f'], ['g']);
    root.link(['g'], ['h']);
    expect(codeOf(() => root.renameNoReplace(['g'], ['h']))).toBe('already_exists');
    expect(root.accessible(['g'], fs.constants.R_OK)).toBe(true);
    for (const name of ['g', 'h', 'moved']) root.unlink([name]);
    root.rmdir(['a', 'b']);
    inner.close();
    root.close();
    local.close();
    expect(fs.readdirSync(base)).toEqual(['a']);
  });

  test('a long directory comes in parts, also when nobody reads it to the end', () => {
    const names = Array.from({ length: AGENT_NAMES_MAX * 2 + 7 }, (_, at) => `f${at}`);
    for (const name of names) fs.writeFileSync(path.join(base, name), '');
    const root = openBase();
    for (const { name } of root.readDirectory([])) if (name !== '') break;
    expect([...root.readDirectory([])].map(({ name }) => name).sort()).toEqual(names.sort());
    root.close();
  });

  test('an agent that ends fails calls with an error that may be repeated', async () => {
    const root = openBase();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(codeOf(() => root.lstat([]))).toBe('agent_unavailable');
    control.close();
    start();
    const again = openBase();
    expect(again.lstat([]).isDirectory()).toBe(true);
    again.close();
  });
});
