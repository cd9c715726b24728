import { execFile } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import type { Api } from '@jetstream/client';
import type { SharedTokenStructure } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { type Lab, openLab, runCli } from './servers.js';

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

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

const share = async (
  mappings: Record<string, string>,
  options: Parameters<Api['send']['createSharedToken']>[1] = {},
): Promise<SharedTokenStructure> => {
  const manifest = await api.send.createManifest({ mappings });
  await api.send.waitForManifest(manifest, { timeoutSeconds: 30 });
  return api.send.createSharedToken(manifest, options);
};
/** A file of its own, shared. */
const shareFile = async (name: string, content: string | Buffer, options = {}) => {
  const file = lab.path('files', name);
  writeFileSync(file, content);
  return { file, path: `/d/${(await share({ [`/${name}`]: file }, options)).token}` };
};

/** Where the next request goes to and comes from: who guesses is slowed down by address. */
let lastAddress = 1;
const from = (): { host: string; localAddress: string } => ({
  host: LOOPBACK,
  localAddress: `127.0.0.${lastAddress}`,
});

const ask = (
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const place = { ...from(), port: server.ready.apiPort, path, method, headers };
    const sent = request({ ...place, rejectUnauthorized: false, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(parts),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
const statusOf = async (path: string, options = {}): Promise<number> =>
  (await ask(path, options)).status;
const cookiesOf = ({ headers }: Answer): string =>
  [headers['set-cookie'] ?? []]
    .flat()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

const run = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 60_000 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${program}: ${stderr}`)),
    );
  });
const urlOf = (path: string): string => `https://${LOOPBACK}:${server.ready.apiPort}${path}`;

describe('a link in the hands of curl', () => {
  it('gives a file, and goes on with one that broke off, as one download', async () => {
    const content = Buffer.alloc(1_000_000, 'jetstream');
    const { path } = await shareFile('film.bin', content, { downloadLimit: 1 });
    const target = lab.path('got', 'film.bin');
    const flags = ['--silent', '--show-error', '--fail', '--insecure', '--output', target];
    await run('curl', [...flags, urlOf(`${path}/file/0`)]);
    expect(readFileSync(target).equals(content)).toBe(true);
    // What curl would have after a break.
    writeFileSync(target, content.subarray(0, 300_001));
    await run('curl', [...flags, '--continue-at', '-', urlOf(`${path}/file/0`)]);
    expect(readFileSync(target).equals(content)).toBe(true);
    // From the start it is another download.
    expect(await statusOf(`${path}/file/0`)).toBe(410);
    const [link] = (await api.send.getSharedTokens()).filter(({ token }) => path.includes(token));
    expect(link?.downloadCount).toBe(1);
  });

  it('gives everything as an archive that other programs can read', async () => {
    const { token } = await share({ '/tree': source });
    const target = lab.path('got', 'all.zip');
    await run('curl', ['-skf', '-o', target, urlOf(`/d/${token}/archive`)]);
    const out = lab.path('unpacked', 'x');
    const script =
      'import sys,zipfile;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;z.extractall(sys.argv[2])';
    await run('python3', ['-c', script, target, out]);
    const found = await readTree(`${out}/tree`);
    const wanted = await readTree(source);
    expect(found.size).toBe(wanted.size);
  });
});

describe('the answer to a download', () => {
  it('has conditions, ranges and a name', async () => {
    const { path } = await shareFile('naïve "1".txt', 'hello world');
    const file = `${path}/file/0`;
    const whole = await ask(file);
    expect(whole.body.toString()).toBe('hello world');
    expect(whole.headers).toMatchObject({
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-length': '11',
      'content-disposition': `attachment; filename="na_ve _1_.txt"; filename*=UTF-8''na%C3%AFve%20%221%22.txt`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    const etag = String(whole.headers.etag);
    const part = await ask(file, { headers: { range: 'bytes=6-', 'if-range': etag } });
    expect([part.status, part.body.toString()]).toEqual([206, 'world']);
    expect(part.headers['content-range']).toBe('bytes 6-10/11');
    const other = await ask(file, { headers: { range: 'bytes=6-', 'if-range': '"old"' } });
    expect([other.status, other.body.toString()]).toEqual([200, 'hello world']);
    expect(await statusOf(file, { headers: { range: 'bytes=11-' } })).toBe(416);
    expect(await statusOf(file, { headers: { 'if-none-match': etag } })).toBe(304);
    const head = await ask(file, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '11', 0]);
  });

  it('is a page that names a file that has changed since the link was made', async () => {
    const { path, file } = await shareFile('report.txt', 'as it was');
    appendFileSync(file, ', and more');
    for (const what of ['file/0', 'archive']) {
      const { status, body } = await ask(`${path}/${what}`);
      expect([what, status]).toEqual([what, 409]);
      expect(body.toString()).toContain('report.txt');
    }
  });

  it('holds the limit under concurrent requests', async () => {
    const { path } = await shareFile('rare.txt', 'rare', { downloadLimit: 3 });
    const asked = Array.from({ length: 12 }, () => statusOf(`${path}/file/0`));
    const statuses = await Promise.all(asked);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 410)).toHaveLength(9);
  });

  it('lets one browser take each file of a link that is for one download', async () => {
    const tree = lab.path('files', 'two');
    mkdirSync(tree);
    writeFileSync(`${tree}/a`, 'a');
    writeFileSync(`${tree}/b`, 'b');
    const path = `/d/${(await share({ '/two': tree }, { downloadLimit: 1 })).token}`;
    const cookie = cookiesOf(await ask(path));
    expect(await statusOf(`${path}/file/0`, { headers: { cookie } })).toBe(200);
    expect(await statusOf(`${path}/file/1`, { headers: { cookie } })).toBe(200);
    expect(await statusOf(path, { headers: { cookie } })).toBe(200);
    expect(await statusOf(path)).toBe(410);
    expect(await statusOf(`${path}/file/0`)).toBe(410);
  });
});

describe('a link with a password', () => {
  it('asks for it by a form, and remembers the browser for a while', async () => {
    const { path } = await shareFile('safe.txt', 'safe', { password: 'sesame' });
    const form = await ask(path);
    expect(form.status).toBe(403);
    expect(form.body.toString()).toContain('type="password"');
    expect(form.body.toString()).not.toContain('safe.txt');
    expect(await statusOf(`${path}/file/0`)).toBe(403);
    const send = (password: string): Promise<Answer> =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' },
        body: `password=${password}`,
      });
    expect((await send('wrong')).status).toBe(403);
    const right = await send('sesame');
    expect([right.status, right.headers.location]).toEqual([303, path]);
    for (const cookie of [right.headers['set-cookie'] ?? []].flat()) {
      expect(cookie).toMatch(/; HttpOnly; Secure; SameSite=Strict$/);
    }
    const headers = { cookie: cookiesOf(right) };
    expect((await ask(path, { headers })).body.toString()).toContain('safe.txt');
    expect((await ask(`${path}/file/0`, { headers })).body.toString()).toBe('safe');
    const basic = Buffer.from(':sesame').toString('base64');
    const byHeader = { headers: { authorization: `Basic ${basic}` } };
    expect(await statusOf(`${path}/file/0`, byHeader)).toBe(200);
  });
});

describe('what is no valid link', () => {
  it('is one and the same page, whatever is wrong with it', async () => {
    const { path } = await shareFile('there.txt', 'x');
    lastAddress += 1;
    const unknown = await ask(`${path.slice(0, -5)}AAAAA`);
    expect(unknown.status).toBe(404);
    for (const other of ['/d/', '/d/x', `${path}/file/99`, `${path}/nothing`, `${path}/../x`]) {
      lastAddress += 1;
      const { status, body } = await ask(other);
      expect([other, status]).toEqual([other, 404]);
      expect(body.equals(unknown.body), other).toBe(true);
    }
    const [, id = ''] = path.split('.');
    lastAddress += 1;
    await api.send.deleteSharedToken(id);
    expect((await ask(path)).body.equals(unknown.body)).toBe(true);
    expect(await statusOf(`${path}/file/0`)).toBe(404);
  });

  it('says that it has expired only to who had the secret', async () => {
    const { path } = await shareFile('old.txt', 'x', { timeLimitSeconds: 0.001 });
    expect(await statusOf(path)).toBe(410);
    lastAddress += 1;
    expect(await statusOf(`${path.slice(0, -5)}AAAAA`)).toBe(404);
  });

  it('cannot be guessed at for long', async () => {
    await using other = openLab();
    const guarded = await other.start('guarded');
    const guess = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const place = { host: LOOPBACK, port: guarded.ready.apiPort, path: '/d/guess' };
        request({ ...place, rejectUnauthorized: false, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
    const statuses = [];
    for (let number = 0; number < 5; number += 1) statuses.push(await guess());
    expect(statuses.slice(0, 3)).toEqual([404, 404, 404]);
    expect(statuses.at(-1)).toBe(429);
  });
});

// rclone CVE-2026-49980: something reached without a login did more than it should.
describe('attack 11: what is open without a login', () => {
  /** Everything that answers nobody with something else than a refusal. */
  const OPEN = ['GET /healthz', 'GET /openrpc.json', 'POST /api/getServerInfo'];

  it('is this list, and links', async () => {
    const paths = ['/', '/d', '/download', '/healthz', '/openrpc.json', '/metrics', '/rpc'];
    const open: string[] = [];
    for (const path of [...paths, '/api/getServerInfo', '/api/send.getSharedTokens', '/api/x']) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        const headers = { 'content-type': 'application/json' };
        const status = await statusOf(path, {
          method,
          headers,
          ...(method === 'GET' ? {} : { body: '{}' }),
        });
        if (status < 400) open.push(`${method} ${path}`);
      }
    }
    // A JSON-RPC error is an answer with status 200.
    expect(open.filter((route) => route !== 'POST /rpc').sort()).toEqual(OPEN);
  });

  it('takes no other method on a link', async () => {
    const { path } = await shareFile('read.txt', 'x');
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await ask(path, { method });
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET, HEAD, POST']);
    }
    expect(await statusOf(`${path}/file/0`, { method: 'POST' })).toBe(405);
  });
});

// rclone GHSA-mfvx-7rcj-9m5g: stack traces to clients, missing headers on one listener.
describe('attack 20: every answer of a link', () => {
  it('has the headers that keep it to itself, and no word about the inside', async () => {
    const { path, file } = await shareFile('plain.txt', 'x');
    const long = { method: 'POST', body: 'x'.repeat(100_000) };
    const answers = [
      await ask(path),
      await ask(`${path}/file/0`),
      await ask(`${path}/archive`),
      await ask(`${path}/page/999999`),
      await ask('/d/none'),
      await ask(path, { method: 'PUT' }),
      await ask(path, long),
    ];
    for (const { headers, body } of answers) {
      expect(headers).toMatchObject({
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'content-security-policy': expect.stringContaining("default-src 'none'") as unknown,
        'cache-control': expect.stringMatching(/no-store|no-cache/) as unknown,
      });
      const text = body.toString('latin1');
      expect(text).not.toMatch(/\bat .*\.js:\d+|node_modules/);
      expect(text.includes(file)).toBe(false);
    }
  });

  it('leaves the secret out of the log and out of the event log', async () => {
    const { path } = await shareFile('quiet.txt', 'x', { password: 'sesame' });
    const secret = path.split('.')[2] ?? '';
    await ask(path);
    await ask(`${path}/file/0`);
    await ask(path, { method: 'POST', body: 'password=wrong' });
    expect(readFileSync(server.logPath, 'utf8')).not.toContain(secret);
    const { eventLog } = await api.server.getEventLog({});
    expect(JSON.stringify(eventLog)).not.toContain(secret);
  });
});

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
    expect(await get(made.url)).toMatchObject({ exitCode: 3 });
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
