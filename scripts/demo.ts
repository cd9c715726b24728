/**
 * Shows the whole path: two servers, a real tree, one transfer, every file checked.
 *
 * Usage: npm run demo [-- --keep]
 *
 * Starts two servers on free loopback ports, drives them with the public client only, and compares
 * both trees by SHA-256 with code that is not JetStream's. Leaves nothing behind but a copy of the receipt, unless `--keep` is
 * given: then the servers stay up and the output says how to call and how to end them. Refuses to
 * start with less free space than it needs. Exit code 0 when every file arrived, else 1.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { PERMISSIONS, type TransferStructure } from '@jetstream/contract';
import { formatBytes, openProgress } from './demo-progress.js';
import { differences, makeSampleTree, readTree, type TreeItem } from './sample-tree.js';
import { connectTo, localKeyFile } from './server-client.js';
import { cliPath, LOOPBACK, logTail, type ServerProcess, startServer } from './server-process.js';

const BIG_FILE_BYTES = 256 * 1024 * 1024;
const SMALL_FILE_COUNT = 2000;
/** Both trees, with room for state and part files. */
const SPACE_BYTES = 2 * BIG_FILE_BYTES + 200 * 1024 * 1024;
const POLL_MS = 200;
/** A transfer on loopback that stands still for so long has failed. */
const STALL_MS = 60_000;

interface Pair {
  readonly sender: ServerProcess;
  readonly receiver: ServerProcess;
}

interface Clients {
  readonly sender: Api;
  readonly receiver: Api;
}

interface Places {
  readonly workspace: string;
  readonly source: string;
  readonly target: string;
}

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

function makePlaces(): Places {
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < SPACE_BYTES) {
    const free = formatBytes(bavail * bsize);
    throw new Error(
      `Cannot make the trees: ${free} free in ${tmpdir()}, expected ${formatBytes(SPACE_BYTES)}` +
        ' (TMPDIR chooses another place)',
    );
  }
  const workspace = mkdtempSync(join(tmpdir(), 'jetstream-demo-'));
  return { workspace, source: join(workspace, 'source'), target: join(workspace, 'target') };
}

async function startPair(places: Places, keep: boolean): Promise<Pair> {
  const start = (name: string): Promise<ServerProcess> =>
    startServer({ name, directory: join(places.workspace, name), detached: keep });
  const [sender, receiver] = await Promise.all([start('sender'), start('receiver')]);
  for (const { name, ready } of [sender, receiver]) {
    say(`  ${name}: API https://${LOOPBACK}:${ready.apiPort}/, UDP port ${ready.recvPort}`);
  }
  return { sender, receiver };
}

/** Orders the transfer through the public API and returns its first state. */
async function order(clients: Clients, pair: Pair, places: Places): Promise<TransferStructure> {
  await clients.receiver.server.mkdir(places.target);
  const { token } = await clients.receiver.server.createAPIToken({
    permissions: PERMISSIONS.UPLOAD,
    description: 'demo',
  });
  const manifest = await clients.sender.send.createManifest({
    mappings: { '/tree': places.source },
  });
  const ready = await clients.sender.send.waitForManifest(manifest);
  if (ready.status !== 'complete') throw new Error(`The manifest failed: ${ready.errorMessage}`);
  say(`  manifest: ${ready.totalFiles} entries, ${formatBytes(ready.totalSize ?? 0)}`);
  const destination = await clients.sender.send.createDestination(LOOPBACK, {
    destinationPort: pair.receiver.ready.recvPort,
    destinationToken: token,
  });
  return clients.sender.send.createTransfer(manifest, destination, {
    destinationPath: places.target,
  });
}

/**
 * Follows a transfer to its end with a progress display.
 *
 * @throws {Error} If a server ends or nothing moves any more; a transfer itself never gives up so
 * soon.
 */
async function follow(sender: Api, pair: Pair, transferId: string): Promise<TransferStructure> {
  const display = openProgress(process.stdout);
  let moved = { bytes: -1, at: performance.now() };
  try {
    for (;;) {
      requireRunning(pair);
      const transfer = await sender.send.getTransfer(transferId);
      display.update({
        bytesDone: Math.min(transfer.blocksAcked * transfer.blockSize, transfer.totalBytes ?? 0),
        bytesTotal: transfer.totalBytes ?? 0,
        rateKbps: transfer.sendRate,
      });
      if (!transfer.processing) return transfer;
      const bytes = transfer.blocksAcked * transfer.blockSize + transfer.bytesDurable;
      if (bytes !== moved.bytes) moved = { bytes, at: performance.now() };
      if (performance.now() - moved.at > STALL_MS) {
        throw new Error(`Nothing has moved for ${STALL_MS / 1000} s: ${transfer.errorMessage}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    display.stop();
  }
}

function requireRunning(pair: Pair): void {
  for (const server of [pair.sender, pair.receiver]) {
    if (server.running()) continue;
    throw new Error(`Server "${server.name}" has ended:\n${logTail(server.logPath)}`);
  }
}

function requireComplete(transfer: TransferStructure): void {
  const { status, errorMessage, fileErrors } = transfer;
  if (status === 'complete' && fileErrors.length === 0) return;
  const files = fileErrors.map((error) => `\n  ${error.destPath}: ${error.message}`).join('');
  throw new Error(`The transfer ended with status "${status}": ${errorMessage}${files}`);
}

async function verify(places: Places): Promise<ReadonlyMap<string, TreeItem>> {
  const source = await readTree(places.source);
  const target = await readTree(join(places.target, 'tree'));
  const found = differences(source, target);
  if (found.length > 0) {
    const shown = found.slice(0, 20).join('\n  ');
    throw new Error(`The trees differ in ${found.length} places:\n  ${shown}`);
  }
  return source;
}

/** The receiver's receipt, which lists every file; a copy of it outlives the demo. */
async function saveReceipt(receiver: Api, id: string, files: number): Promise<string> {
  const received = await receiver.recv.getTransfers();
  const path = received.find(({ transferId }) => transferId === id)?.receiptPath;
  if (path == null) throw new Error(`The receiver has no receipt of the transfer "${id}"`);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const listed = lines.filter((line) => 'blake3' in (JSON.parse(line) as object)).length;
  if (listed !== files) throw new Error(`The receipt lists ${listed} files, expected ${files}`);
  const copy = join(tmpdir(), 'jetstream-demo-receipt.jsonl');
  copyFileSync(path, copy);
  return copy;
}

const countFiles = (items: ReadonlyMap<string, TreeItem>): number =>
  [...items.values()].filter(({ kind }) => kind === 'file').length;

function report(
  transfer: TransferStructure,
  items: ReadonlyMap<string, TreeItem>,
  receiptPath: string,
): void {
  const files = countFiles(items);
  const bytes = transfer.totalBytes ?? 0;
  const seconds = ((transfer.endTime ?? 0) - (transfer.startTime ?? 0)) / 1e6;
  say(`  all ${files} files and ${items.size - files} directories are equal (SHA-256)`);
  say();
  say(
    `  throughput   ${((bytes * 8) / seconds / 1e6).toFixed(0)} Mbit/s ` +
      `(${formatBytes(bytes)} in ${seconds.toFixed(2)} s)`,
  );
  say(`  path in use  ${transfer.pathReason ?? transfer.path}`);
  say(`  receipt      ${receiptPath}`);
}

function explainKeep(pair: Pair, places: Places): void {
  const { sender, receiver } = pair;
  say('The servers stay up. Call them, for example:');
  for (const server of [sender, receiver]) {
    say(
      `  node ${cliPath()} api --host=${LOOPBACK} --api-control-port=${server.ready.apiPort}` +
        ` --local-key-file=${localKeyFile(server)} getServerInfo`,
    );
  }
  say('End them and remove the files:');
  say(`  kill ${sender.ready.pid} ${receiver.ready.pid}; rm -rf ${places.workspace}`);
}

async function run(places: Places, keep: boolean): Promise<void> {
  say('1. Making a tree');
  await makeSampleTree(places.source, {
    bigFileBytes: BIG_FILE_BYTES,
    smallFileCount: SMALL_FILE_COUNT,
  });
  say(`  ${places.source}`);
  say('2. Starting two servers');
  const pair = await startPair(places, keep);
  let kept = false;
  try {
    await using sender = await connectTo(pair.sender);
    await using receiver = await connectTo(pair.receiver);
    say('3. Transferring');
    const { transferId } = await order({ sender, receiver }, pair, places);
    const transfer = await follow(sender, pair, transferId);
    requireComplete(transfer);
    say('4. Comparing both trees');
    const items = await verify(places);
    report(transfer, items, await saveReceipt(receiver, transferId, countFiles(items)));
    say();
    if (keep) {
      explainKeep(pair, places);
      kept = true;
    }
  } finally {
    if (kept) for (const server of [pair.sender, pair.receiver]) server.release();
    else await Promise.all([pair.sender.stop(), pair.receiver.stop()]);
  }
}

async function main(args: readonly string[]): Promise<number> {
  const keep = args.includes('--keep');
  if (args.some((arg) => arg !== '--keep')) {
    say('Usage: npm run demo [-- --keep]');
    return args.includes('--help') ? 0 : 2;
  }
  const places = makePlaces();
  const remove = (): void => rmSync(places.workspace, { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.once('exit', remove);
      process.exit(130);
    });
  }
  let kept = false;
  try {
    await run(places, keep);
    kept = keep;
    say(keep ? 'Done.' : 'Done: the servers are stopped and the files removed.');
    return 0;
  } catch (error) {
    say();
    say(`The demo failed. ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    if (!kept) remove();
  }
}

process.exitCode = await main(process.argv.slice(2));
