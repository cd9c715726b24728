import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Api } from '@jetstream/client';
import { PERMISSIONS } from '@jetstream/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { type CliResult, type Lab, openLab, runCli } from './servers.js';

let lab: Lab;
let server: ServerProcess;
let api: Api;
let token: string;

beforeAll(async () => {
  lab = openLab();
  server = await lab.start('paris');
  api = await lab.login(server);
  const { DOWNLOAD, LIST, CREATE_LINK } = PERMISSIONS;
  ({ token } = await api.server.createAPIToken({ permissions: DOWNLOAD + LIST + CREATE_LINK }));
});
afterAll(() => lab[Symbol.asyncDispose]());

const run = (...args: string[]): Promise<CliResult> =>
  runCli(args, {
    JETSTREAM_API_TOKEN: token,
    XDG_CONFIG_HOME: lab.path('config', 'x'),
    XDG_STATE_HOME: lab.path('state', 'x'),
  });

/** A copy from the server to a server inside the command. */
const copy = (source: string, target: string, ...flags: string[]): Promise<CliResult> =>
  run('cp', `${LOOPBACK}:${server.ready.apiPort}:${source}`, target, '--embedded', ...flags);

it('cp and share say what they leave out', async () => {
  const source = lab.path('source', 'x', 'a.txt');
  const directory = lab.path('source', 'x');
  writeFileSync(source, 'a');
  execFileSync('mkfifo', [`${directory}/pipe`]);
  symlinkSync('/etc/hosts', `${directory}/absolute`);
  const target = lab.path('copied', 'x');

  const told = await copy(directory, target, '--symlinks=preserve', '--quiet');
  expect(told.exitCode, told.stderr).toBe(0);
  expect(readFileSync(`${target}/a.txt`, 'utf8')).toBe('a');
  expect(told.stderr).toContain('Left out 2 entries:\n');
  expect(told.stderr).toContain(`  ${directory}/pipe: it is a named pipe\n`);
  expect(told.stderr).toContain(`  ${directory}/absolute: it is a symbolic link, and `);

  const records = await copy(directory, `${target}2`, '--symlinks=preserve', '--json');
  const last = JSON.parse(records.stdout.trim().split('\n').at(-1) ?? '') as object;
  expect(last).toMatchObject({ event: 'complete', skippedCount: 2 });

  const asked = ['--exclude=pipe', '--exclude=absolute', '--quiet'];
  expect((await copy(directory, `${target}3`, ...asked)).stderr).not.toContain('Left out');

  const shared = await run('share', `${LOOPBACK}:${server.ready.apiPort}:${directory}`);
  expect(shared.stderr).toContain(`Left out 1 entry:\n  ${directory}/pipe: it is a named pipe\n`);
}, 120_000);

it('get keeps files that are there when it is told to, and replaces them else', async () => {
  const source = lab.path('shared', 'kept.txt');
  writeFileSync(source, 'the one of the link');
  const manifest = await api.send.createManifest({ mappings: { '/kept.txt': source } });
  await api.send.waitForManifest(manifest, { timeoutSeconds: 30 });
  const shared = await api.send.createSharedToken(manifest, { downloadLimit: 2 });
  const link = `https://${LOOPBACK}:${server.ready.apiPort}/d/${shared.token}`;
  const target = lab.path('kept', 'here');
  mkdirSync(target);
  writeFileSync(`${target}/kept.txt`, 'mine');
  const get = (...flags: string[]) => run('get', link, target, '--embedded', '--json', ...flags);
  const kept = await get('--overwrite=never');
  expect(kept.exitCode).toBe(7);
  expect(kept.stderr).toContain('already_exists');
  expect(readFileSync(`${target}/kept.txt`, 'utf8')).toBe('mine');
  expect(await get()).toMatchObject({ exitCode: 0 });
  expect(readFileSync(`${target}/kept.txt`, 'utf8')).toBe('the one of the link');
  const usedUp = await get();
  expect(usedUp.exitCode).toBe(3);
  expect(usedUp.stderr).toContain('"Ask whoever sent it for a new one"');
}, 120_000);
