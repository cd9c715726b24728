/**
 * Download links while they stream: how fast one file and an archive of many come over HTTPS, and how
 * long `echo` takes for another caller meanwhile.
 *
 * Usage: bench/link-stream [--gb 4] [--downloads 1] [--data-dir /dev/shm] [--dry]
 *
 * Writes one section into RESULTS.md, unless `--dry`. Those who download are this process: what they
 * take of the machine is part of the figures.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Api } from '@jetstream/client';
import { connectTo, localKeyFile } from '../../scripts/dist/server-client.js';
import { LOOPBACK, startServer } from '../../scripts/dist/server-process.js';
import { type EchoBench, echoVerdicts, measure, phaseTable } from './echo-phases.js';
import { EchoWatch } from './echo-watch.js';
import { recordSection } from './results-file.js';
import { format } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, openWorkplace, runMain } from './workplace.js';

const SMALL_FILES = 20_000;
const SMALL_FILE_BYTES = 20_000;
const IDLE_MS = 3000;

const { values } = parseArgs({
  options: {
    gb: { type: 'string', default: '4' },
    downloads: { type: 'string', default: '1' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    dry: { type: 'boolean', default: false },
  },
});

interface Place {
  readonly api: Api;
  readonly port: number;
}

const share = async ({ api }: Place, mappings: Record<string, string>): Promise<string> => {
  const manifest = await api.send.createManifest({ mappings });
  await api.send.waitForManifest(manifest, { timeoutSeconds: 300 });
  return `/d/${(await api.send.createSharedToken(manifest)).token}`;
};

/** Downloads to nowhere. @returns Bytes of the body. */
const download = ({ port }: Place, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const place = { host: LOOPBACK, port, path, rejectUnauthorized: false, agent: false } as const;
    const sent = request(place, (answer) => {
      let bytes = 0;
      answer.on('data', (part: Buffer) => {
        bytes += part.length;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(bytes);
        else reject(new Error(`Cannot download ${path}: ${answer.statusCode}, expected 200`));
      });
    });
    sent.on('error', reject);
    sent.end();
  });

const makeFiles = (directory: string): string => {
  const small = join(directory, 'small');
  mkdirSync(small);
  const content = Buffer.alloc(SMALL_FILE_BYTES, 7);
  for (let file = 0; file < SMALL_FILES; file += 1) writeFileSync(join(small, `${file}`), content);
  return small;
};

await runMain(async () => {
  const bytes = countOf('gb', values.gb) * 1e9;
  const downloads = countOf('downloads', values.downloads);
  const directory = await openWorkplace(values['data-dir']);
  const server = await startServer({ name: 'links', directory: join(directory, 'server') });
  const target = { host: LOOPBACK, port: server.ready.apiPort, localKeyFile: localKeyFile(server) };
  const api = await connectTo(server);
  const place = { api, port: server.ready.apiPort };
  const big = join(directory, 'big');
  await api.server.mkFile(big, bytes, { fillRandom: true });
  const file = await share(place, { '/big': big });
  const archive = await share(place, { '/small': makeFiles(directory) });
  const watch = new EchoWatch(target);
  const times = downloads === 1 ? 'a download' : `${downloads} downloads`;
  const bench: EchoBench = { watch, pid: server.ready.pid, phases: [] };
  const all = async (path: string): Promise<void> => {
    await Promise.all(Array.from({ length: downloads }, () => download(place, path)));
  };
  await measure(bench, 'nothing else', () => pause(IDLE_MS));
  await measure(bench, `${times} of a ${values.gb} GB file by link`, () => all(`${file}/file/0`));
  await measure(bench, `${times} of ${SMALL_FILES} files as an archive`, () =>
    all(`${archive}/archive`),
  );
  await watch.stop();
  await api.close();
  await server.stop();
  const body = phaseTable(bench.phases);
  process.stdout.write(`${body}\n`);
  if (values.dry) return;
  recordSection({
    id: '5 link stream',
    title: 'Download links while they stream',
    settings: `\`bench/link-stream --gb ${values.gb} --downloads ${downloads}\`; an archive holds ${SMALL_FILES} files of ${format(SMALL_FILE_BYTES / 1000)} kB; in ${values['data-dir']}.`,
    verdicts: echoVerdicts(bench.phases),
    body,
  });
});
