/**
 * One random file between two servers at the ends of an emulated long-distance link, and the same
 * with other tools.
 *
 * Usage: bench/wan [--profile metro,bad|all] [--path native,dgram] [--runs 3] [--size-mb 300]
 *                  [--peers iperf-udp,aria2-bbr,rsync-bbr] [--peer-cap 60] [--data-dir /dev/shm]
 *                  [--state-dir DIR] [--seed 42] [--cpu-prof DIR] [--dry]
 *
 * Contenders take turns, round by round, each with fresh processes and a fresh link whose random
 * seed is that of the round. Writes one section per profile into RESULTS.md, unless `--dry`. Needs
 * root and a C compiler. Peers that are not installed are named and left out.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readTree, type TreeItem, writeRandomFile } from '../../scripts/dist/sample-tree.js';
import { type LinkOptions, labObstacle } from '../../tests/wan/dist/wan-lab.js';
import { measureTransfer, type TransferRun } from './measure-transfer.js';
import { measurePeer, missingPrograms, type PeerRun } from './peers.js';
import { recordSection, type Verdict } from './results-file.js';
import { cpuPerGb, medianRun, runDetails, runLine, runTable } from './run-table.js';
import { type Column, format, median, medianOf, table } from './statistics.js';
import { describeLink, WAN_PROFILES, type WanProfile, wanProfile } from './wan-profiles.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const RESIDENT_BYTES_MAX = 400e6;
/** Re-sent payload may exceed the link's loss by this share of the payload. */
const RESENT_SLACK = 0.02;
/** The tool whose CPU time ours may exceed by at most this factor. */
const CPU_PEER = 'aria2-bbr';
const CPU_FACTOR = 1.5;
/** Size that the targets are for. */
const TARGET_SIZE_MB = 300;
/** Size by which latency is judged: at most so many round trips, and so many seconds beside them. */
const LATENCY_SIZE_MB = 1;
const LATENCY_ROUND_TRIPS = 4;
const LATENCY_SLACK_SECONDS = 0.2;

const { values } = parseArgs({
  options: {
    profile: { type: 'string', default: 'skeleton' },
    path: { type: 'string', default: 'native' },
    runs: { type: 'string', default: '3' },
    'size-mb': { type: 'string', default: String(TARGET_SIZE_MB) },
    peers: { type: 'string', default: '' },
    'peer-cap': { type: 'string', default: '60' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    'state-dir': { type: 'string' },
    seed: { type: 'string', default: '42' },
    'cpu-prof': { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

const words = (text: string): string[] => text.split(',').filter((word) => word !== '');

interface Work {
  readonly directory: string;
  readonly source: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  readonly sizeMb: number;
  readonly rounds: number;
  readonly peers: readonly string[];
}

const runOurs = (path: string, link: LinkOptions, work: Work): Promise<TransferRun> => {
  const stateDirectory = values['state-dir'];
  const profileDirectory = values['cpu-prof'];
  return measureTransfer({
    source: work.source,
    items: work.items,
    workDirectory: work.directory,
    dataPath: path,
    link,
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
    ...(profileDirectory === undefined ? {} : { profileDirectory }),
  });
};

interface Rounds {
  readonly ours: ReadonlyMap<string, TransferRun[]>;
  readonly peers: ReadonlyMap<string, PeerRun[]>;
}

async function runRounds(profile: WanProfile, work: Work): Promise<Rounds> {
  const ours = new Map<string, TransferRun[]>(words(values.path).map((path) => [path, []]));
  const peers = new Map<string, PeerRun[]>(work.peers.map((peer) => [peer, []]));
  const { source, items, directory: workDirectory } = work;
  const capSeconds = countOf('peer-cap', values['peer-cap']);
  for (let round = 0; round < work.rounds; round += 1) {
    const link = { ...profile.link, seed: countOf('seed', values.seed) + round };
    for (const [path, runs] of ours) {
      const run = await runOurs(path, link, work);
      runs.push(run);
      note(`${profile.name} ${path} ${runLine(run)}`);
    }
    for (const [peer, runs] of peers) {
      const run = await measurePeer(peer, { source, items, workDirectory, link, capSeconds });
      runs.push(run);
      note(
        `${profile.name} ${peer} ${run.outcome} ${format(run.seconds, 2)} s, ${format(run.goodputMbps)} Mbit/s`,
      );
    }
  }
  return { ours, peers };
}

/** A small file shows how many round trips come before and after the data. */
function latencyVerdicts(profile: WanProfile, path: string, run: TransferRun): Verdict[] {
  const secondsMax = LATENCY_ROUND_TRIPS * (profile.link.rttMs / 1000) + LATENCY_SLACK_SECONDS;
  return [
    {
      what: `${profile.name}, ${path}: one ${LATENCY_SIZE_MB} MB file, first contact`,
      target: `<= ${format(secondsMax, 2)} s`,
      measured: `${format(run.seconds, 2)} s`,
      met: run.seconds <= secondsMax,
    },
  ];
}

function verdicts(profile: WanProfile, path: string, run: TransferRun): Verdict[] {
  const target = path === 'native' ? profile.targetMbps : (profile.dgramTargetMbps ?? null);
  if (target === null) return [];
  const peak = Math.max(run.senderPeakBytes, run.receiverPeakBytes);
  const resentMax = profile.link.lossPercent / 100 + RESENT_SLACK;
  const what = `${profile.name}, ${path}`;
  return [
    {
      what: `${what}: one ${TARGET_SIZE_MB} MB file`,
      target: `>= ${target} Mbit/s`,
      measured: `${format(run.goodputMbps)} Mbit/s`,
      met: run.goodputMbps >= target,
    },
    {
      what: `${what}: re-sent payload`,
      target: `<= ${format(100 * resentMax, 2)} %`,
      measured: `${format(100 * run.resentShare, 2)} %`,
      met: run.resentShare <= resentMax,
    },
    {
      what: `${what}: resident memory`,
      target: `< ${RESIDENT_BYTES_MAX / 1e6} MB`,
      measured: `${format(peak / 1e6)} MB`,
      met: peak < RESIDENT_BYTES_MAX,
    },
  ];
}

/** Outcome of a peer's runs that are no figures: "2 of 3 cut off". */
function shortfall(runs: readonly PeerRun[]): string {
  const count = (outcome: PeerRun['outcome']): string => {
    const number = runs.filter((run) => run.outcome === outcome).length;
    return number === 0 ? '' : ` (${number} of ${runs.length} ${outcome})`;
  };
  return `${count('cut off')}${count('failed')}`;
}

interface ToolRow {
  readonly name: string;
  readonly mbps: string;
  readonly wire: string;
  readonly cpu: string;
  readonly all: string;
}

function peerRow(name: string, runs: readonly PeerRun[]): ToolRow {
  const finished = runs.filter(({ outcome }) => outcome === 'finished');
  const counted = runs.filter(({ outcome }) => outcome !== 'failed');
  return {
    name: `${name}${shortfall(runs)}`,
    mbps: format(medianOf(counted.map((run) => run.goodputMbps))),
    // What a cut-off run has delivered is not known well enough to divide by it.
    wire: format(medianOf(finished.map((run) => run.forwardBytes / run.bytes)), 3),
    cpu: format(peerCpuPerGb(runs), 2),
    all: runs.map((run) => (run.outcome === 'failed' ? '-' : format(run.goodputMbps))).join(', '),
  };
}

function peerCpuPerGb(runs: readonly PeerRun[]): number | null {
  const finished = runs.filter(({ outcome }) => outcome === 'finished');
  return medianOf(finished.map((run) => run.cpuSeconds / (run.bytes / 1e9)));
}

function peerTable({ ours, peers }: Rounds): string {
  const own = [...ours].map(([path, runs]) => ({
    name: `JetStream (${path})`,
    mbps: format(median(runs.map((run) => run.goodputMbps))),
    wire: format(median(runs.map((run) => (run.link?.forwardBytes ?? 0) / run.bytes)), 3),
    cpu: format(median(runs.map(cpuPerGb)), 2),
    all: runs.map(({ goodputMbps }) => format(goodputMbps)).join(', '),
  }));
  const columns: readonly Column<ToolRow>[] = [
    ['tool', (row) => row.name],
    ['Mbit/s, median', (row) => row.mbps],
    ['wire/payload', (row) => row.wire],
    ['CPU s/GB, both ends', (row) => row.cpu],
    ['runs, Mbit/s', (row) => row.all],
  ];
  return table(columns, [...own, ...[...peers].map(([name, runs]) => peerRow(name, runs))]);
}

/** CPU beside the best file tool's, when that was measured in the same rounds. */
function cpuVerdicts(profile: WanProfile, { ours, peers }: Rounds): Verdict[] {
  const theirs = peerCpuPerGb(peers.get(CPU_PEER) ?? []);
  if (theirs === null) return [];
  return [...ours].map(([path, runs]) => {
    const used = median(runs.map(cpuPerGb));
    return {
      what: `${profile.name}, ${path}: CPU s/GB, both ends`,
      target: `<= ${format(theirs * CPU_FACTOR, 2)} (${CPU_FACTOR} x ${CPU_PEER})`,
      measured: format(used, 2),
      met: used <= theirs * CPU_FACTOR,
    };
  });
}

function verdictsOf(profile: WanProfile, rounds: Rounds, sizeMb: number): Verdict[] {
  const judge =
    sizeMb === TARGET_SIZE_MB ? verdicts : sizeMb === LATENCY_SIZE_MB ? latencyVerdicts : null;
  if (judge === null) return [];
  const ours = [...rounds.ours].flatMap(([path, runs]) => judge(profile, path, medianRun(runs)));
  return sizeMb === TARGET_SIZE_MB ? [...ours, ...cpuVerdicts(profile, rounds)] : ours;
}

async function benchProfile(profile: WanProfile, work: Work): Promise<void> {
  const rounds = await runRounds(profile, work);
  const parts = [...rounds.ours].map(
    ([path, runs]) => `JetStream, ${path}:\n\n${runTable(runs)}\n\n${runDetails(runs)}`,
  );
  if (rounds.peers.size > 0) parts.push(peerTable(rounds));
  const body = parts.join('\n\n');
  process.stdout.write(`${profile.name}\n\n${body}\n`);
  if (values.dry) return;
  const peersText = work.peers.length === 0 ? '' : ` --peers ${work.peers.join(',')}`;
  const index = WAN_PROFILES.findIndex(({ name }) => name === profile.name);
  const size = work.sizeMb === TARGET_SIZE_MB ? '' : ` ${work.sizeMb} MB`;
  recordSection({
    id: `2 wan ${index} ${profile.name} ${values.path}${size}`,
    title: `WAN ${profile.name}, ${values.path}, one ${work.sizeMb} MB file`,
    settings: `\`bench/wan --profile ${profile.name} --path ${values.path} --runs ${work.rounds}${peersText}\`; ${describeLink(profile.link)}; the link allows ${profile.limitMbps} Mbit/s; seeds from ${values.seed}, data in ${values['data-dir']}.`,
    verdicts: verdictsOf(profile, rounds, work.sizeMb),
    body,
  });
}

function installedPeers(): string[] {
  return words(values.peers).filter((peer) => {
    const missing = missingPrograms(peer);
    if (missing.length > 0) note(`${peer} is left out: ${missing.join(', ')} not installed`);
    return missing.length === 0;
  });
}

await runMain(async () => {
  const obstacle = labObstacle();
  if (obstacle !== null) throw new Error(`Cannot measure over a WAN: ${obstacle}`);
  const names =
    values.profile === 'all' ? WAN_PROFILES.map(({ name }) => name) : words(values.profile);
  const profiles = names.map(wanProfile);
  const peers = installedPeers();
  const sizeMb = countOf('size-mb', values['size-mb']);
  const rounds = countOf('runs', values.runs);
  const directory = await openWorkplace(values['data-dir']);
  const source = join(directory, 'source');
  mkdirSync(source);
  await writeRandomFile(join(source, 'big.bin'), sizeMb * 1e6, 1);
  const items = await readTree(source);
  for (const profile of profiles) {
    await benchProfile(profile, { directory, source, items, sizeMb, rounds, peers });
  }
});
