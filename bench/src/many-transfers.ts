/**
 * Many transfers at once on one machine: all are queued first, then as many as may run do, over
 * loopback, a few small files each.
 *
 * Usage: bench/many-transfers [--transfers 1000] [--destinations 25] [--files 10] [--bytes 1000]
 *                             [--data-dir /dev/shm] [--dry]
 *
 * Writes one section into RESULTS.md, unless `--dry`. A destination takes eight transfers at a time,
 * so 25 of them make the 200 that a server runs at most. Tells how long it took until all were
 * queued, how many were active at the same time, how long all took, and the memory of both servers.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TransferStructure } from '@jetstream/contract';
import { cpuSeconds, peakResidentBytes } from './process-meter.js';
import { recordSection } from './results-file.js';
import { makeDestination, makeManifest, openPair } from './server-transfers.js';
import { format } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

/** All transfers of the server in one answer. */
const LIST_LIMIT = 100_000;
/** Ceiling that keeps transfers in the queue until all are there, kbit/s. */
const HELD_KBPS = 8;
const FREE_KBPS = 1e6;
const TIME_MS_MAX = 600_000;

const { values } = parseArgs({
  options: {
    transfers: { type: 'string', default: '1000' },
    destinations: { type: 'string', default: '25' },
    files: { type: 'string', default: '10' },
    bytes: { type: 'string', default: '1000' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    dry: { type: 'boolean', default: false },
  },
});

const countBy = (transfers: readonly TransferStructure[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status } of transfers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

await runMain(async () => {
  const transfers = countOf('transfers', values.transfers);
  const destinationCount = countOf('destinations', values.destinations);
  const count = countOf('files', values.files);
  const bytes = countOf('bytes', values.bytes);
  const directory = await openWorkplace(values['data-dir']);
  const pair = await openPair(directory);
  const { api } = pair;
  const manifest = await makeManifest(api, { directory: join(directory, 'source'), count, bytes });
  const destinations: string[] = [];
  for (let number = 0; number < destinationCount; number += 1) {
    destinations.push((await makeDestination(pair, HELD_KBPS + number)).destinationId);
  }
  const startMs = performance.now();
  for (let number = 0; number < transfers; number += 1) {
    const destinationId = destinations[number % destinationCount] ?? '';
    const destinationPath = join(pair.target, String(number));
    await api.send.createTransfer(manifest, destinationId, { destinationPath });
  }
  const queuedMs = performance.now() - startMs;
  const counts = countBy(await api.send.getTransfers({ limit: LIST_LIMIT }));
  note(`${transfers} asked for in ${format(queuedMs)} ms: ${JSON.stringify(counts)}`);
  for (const [number, destinationId] of destinations.entries()) {
    await api.send.updateDestination(destinationId, { sendRateMax: FREE_KBPS + number });
  }
  let activeMost = 0;
  for (;;) {
    const now = countBy(await api.send.getTransfers({ limit: LIST_LIMIT }));
    activeMost = Math.max(activeMost, now['active'] ?? 0);
    const open = (now['active'] ?? 0) + (now['queued'] ?? 0) + (now['pending'] ?? 0);
    if (open === 0) break;
    if (performance.now() - startMs > TIME_MS_MAX) throw new Error(JSON.stringify(now));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const totalMs = performance.now() - startMs;
  const ended = countBy(await api.send.getTransfers({ limit: LIST_LIMIT }));
  const of = ({ ready }: { ready: { pid: number } }) => ({
    rss: format(peakResidentBytes(ready.pid) / 1e6),
    cpu: format(cpuSeconds(ready.pid), 1),
  });
  const [sender, receiver] = [of(pair.sender), of(pair.receiver)];
  await pair.close();
  if (ended['complete'] !== transfers)
    throw new Error(`not all are whole: ${JSON.stringify(ended)}`);
  const body =
    `${transfers} transfers asked for in ${format(queuedMs / 1000, 1)} s, all complete after ` +
    `${format(totalMs / 1000, 1)} s; ${activeMost} active at the same time.\n` +
    `Sender: peak RSS ${sender.rss} MB, ${sender.cpu} CPU s. ` +
    `Receiver: peak RSS ${receiver.rss} MB, ${receiver.cpu} CPU s.`;
  process.stdout.write(`${body}\n`);
  if (values.dry) return;
  recordSection({
    id: `8 many ${transfers}`,
    title: `${transfers} transfers at once`,
    settings: `\`bench/many-transfers --transfers ${transfers} --destinations ${destinationCount} --files ${count} --bytes ${bytes}\`; loopback, data in ${values['data-dir']}.`,
    verdicts: [
      {
        what: `${transfers} transfers queued, active at the same time`,
        target: '200',
        measured: String(activeMost),
        met: activeMost >= Math.min(200, destinationCount * 8, transfers),
      },
    ],
    body,
  });
});
