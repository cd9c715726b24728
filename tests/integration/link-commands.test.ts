/** Download links made, redeemed, listed and deleted by the command line. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Api } from '@jetstream/client';
import type { SharedTokenStructure } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { type Lab, openLab, runCli } from './servers.js';

let lab: Lab;
let server: ServerProcess;
let api: Api;
let source: string;

beforeAll(async () => {
  lab = openLab();
  server = await lab.start('paris');
  api = await lab.login(server);
  source = lab.path('source');
  await makeSampleTree(source, { bigFileBytes: 3 * 1024 * 1024 + 7, smallFileCount: 60 });
});
afterAll(() => lab[Symbol.asyncDispose]());

describe('the command line', () => {
  it('makes a link, redeems it over the data plane, lists and deletes it', async () => {
    const server_ = [
      `--api-control-port=${server.ready.apiPort}`,
      `--local-key-file=${server.stateDir}/local.key`,
    ];
    const environment = {
      XDG_CONFIG_HOME: lab.path('config'),
      XDG_STATE_HOME: lab.path('state'),
      JETSTREAM_LINK_PASSWORD: 'sesame',
    };
    const shared = await runCli(
      ['share', source, '--expires=3d', '--downloads=1', '--description=Footage', '--json']
        .concat(server_)
        .concat(`--address=${LOOPBACK}:${server.ready.apiPort}`),
      environment,
    );
    expect(shared).toMatchObject({ exitCode: 0 });
    const made = JSON.parse(shared.stdout) as SharedTokenStructure & { uri: string; url: string };
    expect(made).toMatchObject({ downloadLimit: 1, passwordRequired: true });
    const target = lab.path('fetched');
    const get = (link: string, more = {}) =>
      runCli(['get', link, target, '--embedded', '--json'], { ...environment, ...more });
    expect(await get(made.uri, { JETSTREAM_LINK_PASSWORD: '' })).toMatchObject({ exitCode: 3 });
    expect(await get(made.uri)).toMatchObject({ exitCode: 0 });
    expect(differences(await readTree(source), await readTree(`${target}/source`))).toEqual([]);
    const usedUp = await get(made.url);
    expect(usedUp).toMatchObject({ exitCode: 3 });
    expect(JSON.parse(usedUp.stderr)).toMatchObject({
      error: {
        message: 'Cannot use the link: the token has been used as often as it may be',
        hint: 'Ask whoever sent it for a new one',
      },
    });
    // Another command does not take a link for a path, nor repeat its secret.
    const copied = await runCli(['cp', made.uri, target], environment);
    expect(copied).toMatchObject({ exitCode: 2 });
    expect(copied.stderr).toContain('jetstream get');
    expect(copied.stderr).not.toContain('js1.');
    const listed = await runCli(['links', ...server_], environment);
    expect(listed.stdout).toMatch(/ 1\/1 .*Footage/);
    const removed = await runCli(['links', 'delete', made.url, ...server_], environment);
    expect(removed).toMatchObject({ exitCode: 0 });
    const after = await runCli(['links', 'list', '--json', ...server_], environment);
    expect(after.stdout).not.toContain('Footage');
    expect(statSync(target).isDirectory()).toBe(true);
  });

  it('keeps files that are there when it is told to, and replaces them else', async () => {
    const file = lab.path('files', 'kept.txt');
    writeFileSync(file, 'the one of the link');
    const manifest = await api.send.createManifest({ mappings: { '/kept.txt': file } });
    await api.send.waitForManifest(manifest, { timeoutSeconds: 30 });
    const { token } = await api.send.createSharedToken(manifest);
    const link = `https://${LOOPBACK}:${server.ready.apiPort}/d/${token}`;
    const target = lab.path('kept', 'here');
    mkdirSync(target);
    writeFileSync(`${target}/kept.txt`, 'mine');
    const get = (...flags: string[]) =>
      runCli(['get', link, target, '--embedded', '--json', ...flags], {
        XDG_CONFIG_HOME: lab.path('config'),
        XDG_STATE_HOME: lab.path('state'),
      });
    const kept = await get('--overwrite=never');
    expect(kept.exitCode).toBe(7);
    expect(kept.stderr).toContain('already_exists');
    expect(readFileSync(`${target}/kept.txt`, 'utf8')).toBe('mine');
    expect(await get()).toMatchObject({ exitCode: 0 });
    expect(readFileSync(`${target}/kept.txt`, 'utf8')).toBe('the one of the link');
  });

  it('redeems nothing by a link that has expired or is no link', async () => {
    const manifest = await api.send.createManifest({ mappings: { '/source': source } });
    await api.send.waitForManifest(manifest, { timeoutSeconds: 30 });
    const { token } = await api.send.createSharedToken(manifest, { timeLimitSeconds: 0.2 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const target = lab.path('too late');
    const get = (link: string) =>
      runCli(['get', link, target, '--embedded', '--json'], {
        XDG_CONFIG_HOME: lab.path('config'),
        XDG_STATE_HOME: lab.path('state'),
      });
    const place = `jetstream://${LOOPBACK}:${server.ready.apiPort}`;
    for (const link of [
      `${place}/download?token=${encodeURIComponent(token)}`,
      `${place}/connect`,
    ]) {
      const { exitCode, stdout, stderr } = await get(link);
      expect(exitCode, link).not.toBe(0);
      expect(stdout + stderr).not.toContain(token);
      expect(existsSync(target)).toBe(false);
    }
  });
});
