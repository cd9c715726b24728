import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileKnownServers } from '@jetstream/client';
import { ERRORS, type ErrorCode, METHODS } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCodeOf } from './exit-codes.js';
import { buildProgram, runCli } from './program.js';
import type { Terminal } from './terminal.js';

interface Recorded extends Terminal {
  readonly text: { out: string; err: string };
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'jetstream-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const recorded = (environment: Record<string, string> = {}): Recorded => {
  const text = { out: '', err: '' };
  return {
    text,
    environment: { XDG_CONFIG_HOME: directory, XDG_STATE_HOME: directory, ...environment },
    outIsTty: false,
    errIsTty: false,
    inIsTty: false,
    out: (written) => {
      text.out += typeof written === 'string' ? written : Buffer.from(written).toString();
    },
    err: (written) => {
      text.err += written;
    },
    askSecret: () => Promise.reject(new Error('nobody is there')),
    readInput: () => Promise.resolve(''),
    interrupted: new AbortController().signal,
  };
};

const run = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
  const terminal = recorded();
  const code = await runCli(args, terminal);
  return { code, ...terminal.text };
};

describe('runCli: help', () => {
  it('prints version and help on standard output', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: '0.1.0\n', err: '' });
    const help = await run('--help');
    expect(help.code).toBe(0);
    expect(help.out).toContain('Exit codes:');
    expect((await run()).code).toBe(2);
  });

  it.each(['users', 'events', 'receipt'])(
    'says that "%s" alone is half a command',
    async (name) => {
      const { code, err } = await run(name);
      expect(code).toBe(2);
      expect(err).toContain('is missing');
      expect(err).toContain('--help');
      expect(err).not.toContain('outputHelp');
    },
  );

  it('lists every method with its summary', async () => {
    const { code, out } = await run('api', '--help');
    expect(code).toBe(0);
    for (const [method, { summary }] of Object.entries(METHODS)) {
      expect(out).toContain(`  ${method}`);
      expect(out.replace(/\s+/g, ' ')).toContain(summary.replace(/\s+/g, ' '));
    }
  });

  it('describes one method and its parameters', async () => {
    const { code, out } = await run('api', 'lsAsync', '--help');
    expect(code).toBe(0);
    expect(out).toContain('--path=<text>  (required)');
    expect(out).toContain('--calculateHashType=<MD5|S3|SHA256|BLAKE3|XXH3>');
    expect(out).toContain('Errors: path_invalid');
    expect((await run('api', 'ls', '--help')).out).toContain('Waits for the request');
  });
});

describe('runCli: errors', () => {
  it.each([
    [['nonsense'], "unknown command 'nonsense'"],
    [['ls'], 'missing required argument'],
    [['ls', '--nonsense', 'x'], "unknown option '--nonsense'"],
    [['api', 'getServerInof'], 'did you mean "getServerInfo"?'],
    [['api', 'lsAsync', '--pth=/'], 'did you mean "--path"?'],
    [['api', '--api-control-port=x', 'echo'], 'Expected a port'],
    [['cp', 'one'], 'a source or the target is missing'],
    [['cp', 'a', 'b'], 'expected a server on one side at least'],
    [['cp', 'x:/a', 'y:/b', 'z:/c'], 'several servers'],
    [['forget', 'a:b:c'], 'expected host:port'],
  ])('%j is wrong usage, said in one line with a hint', async (args, message) => {
    const { code, out, err } = await run(...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(message);
    expect(err).toMatch(/^jetstream: /);
    expect(err).not.toContain('    at ');
  });

  it('is an object with --json', async () => {
    const { code, err } = await run('forget', '--json', 'nowhere:1');
    expect(code).toBe(4);
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'not_found' } });
  });

  it('shows a stack trace only when asked to', async () => {
    const terminal = recorded({ JETSTREAM_DEBUG: '1' });
    await runCli(['api', 'x'], terminal);
    expect(terminal.text.err).toContain('    at ');
  });

  it('says when nothing listens, with its own exit code', async () => {
    const { code, err } = await run('ls', '127.0.0.1:1:/');
    expect(code).toBe(5);
    expect(err).toContain('Cannot connect to "127.0.0.1:1": nothing listens there');
    expect(err).toContain('Check that the server runs');
  });

  it('looks for local sources before it connects anywhere', async () => {
    const { code, err } = await run('cp', join(directory, 'none'), '127.0.0.1:1:/x');
    expect(code).toBe(4);
    expect(err).toContain('nothing is there');
  });
});

describe('runCli: forget', () => {
  it('drops the record of a server', async () => {
    const known = new FileKnownServers(join(directory, 'jetstream', 'known_servers'));
    await known.remember('files.example:8886', `SHA256:${'a'.repeat(43)}`);
    expect((await run('forget', 'Files.example')).code).toBe(0);
    expect(await known.find('files.example:8886')).toBeNull();
    expect((await run('forget', 'files.example')).code).toBe(4);
  });
});

describe('exitCodeOf', () => {
  it('gives every error a code that is documented', () => {
    const documented = readFileSync(new URL('../../../docs/CLI.md', import.meta.url), 'utf8');
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      expect(documented).toContain(`| ${exitCodeOf(code)} |`);
    }
  });
});

describe('docs/CLI.md', () => {
  const text = readFileSync(new URL('../../../docs/CLI.md', import.meta.url), 'utf8');

  it('names every command and every option', async () => {
    const program = await buildProgram(recorded(), []);
    for (const command of program.commands) {
      expect(text).toContain(`## \`jetstream ${command.name()}`);
      for (const inner of [command, ...command.commands]) {
        for (const option of inner.options) expect(text).toContain(`\`${option.long}`);
        if (inner !== command) expect(text).toContain(`\`${inner.name()}`);
      }
    }
  });

  it('names no command that does not exist', async () => {
    const program = await buildProgram(recorded(), []);
    const known = program.commands.map((command) => command.name());
    const named = [...text.matchAll(/^## `jetstream (\w+)/gm)].map((match) => match[1]);
    expect(named.toSorted()).toEqual(known.toSorted());
  });
});
