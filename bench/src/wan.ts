/**
 * One random file between two servers at the ends of an emulated long-distance link, and the same
 * with other tools.
 *
 * Usage: bench/wan [--profile metro,bad|all] [--seen] [--path native,dgram] [--runs 3] [--size-mb N]
 *                  [--peers iperf-udp,aria2-bbr|none] [--peer-cap S] [--data-dir /dev/shm]
 *                  [--state-dir DIR] [--seed 42] [--cpu-prof DIR] [--dry]
 *
 * Contenders take turns, round by round, each with fresh processes and a fresh link whose random
 * seed is that of the round. With `--seen` a second transfer follows between the same servers, once
 * the flow of the first is gone. The size is that of the profile's target, with the best of the other
 * tools beside us; `--size-mb 1` measures latency, and other sizes have no target: both without other
 * tools unless named. Tools are cut off after three times as long as our target allows, 20 s at
 * least and 60 s at most, unless told otherwise.
 *
 * Writes sections for each profile into RESULTS.md, and the chart, unless `--dry`. Needs root and a C
 * compiler. Tools that are not installed are named and left out.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readTree, type TreeItem, writeRandomFile } from '../../scripts/dist/sample-tree.js';
import { type LinkOptions, labObstacle } from '../../tests/wan/dist/wan-lab.js';
import {
  type ContactRuns,
  measureContacts,
  measureTransfer,
  type TransferRun,
} from './measure-transfer.js';
import { peerBars, peerTable } from './peer-table.js';
import { DEFAULT_PEERS, installedPeers } from './peer-tools.js';
import { measurePeer, type PeerRun } from './peers.js';
import { recordSection } from './results-file.js';
import { medianRun, runDetails, runLine, runTable } from './run-table.js';
import { format, median } from './statistics.js';
import type { ChartBar, ChartGroup } from './wan-chart.js';
import {
  describeLink,
  linkWords,
  placeOf,
  WAN_PROFILES,
  type WanProfile,
  wanProfile,
} from './wan-profiles.js';
import { type Contact, verdictsOf } from './wan-verdicts.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

/** A tool gets this many times as long as our target allows, within bounds. */
const CAP_SECONDS_MIN = 20;
const CAP_SECONDS_MAX = 60;
const CAP_FACTOR = 3;
const NO_PEERS = 'none';

const { values } = parseArgs({
  options: {
    profile: { type: 'string', default: 'skeleton' },
    seen: { type: 'boolean', default: false },
    path: { type: 'string', default: 'native' },
    runs: { type: 'string', default: '3' },
    'size-mb': { type: 'string' },
    peers: { type: 'string' },
    'peer-cap': { type: 'string' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    'state-dir': { type: 'string' },
    seed: { type: 'string', default: '42' },
    'cpu-prof': { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

const words = (text: string): string[] => text.split(',').filter((word) => word !== '');

/** One profile, its file, and who takes part. */
interface Work {
  readonly profile: WanProfile;
  readonly directory: string;
  readonly source: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  readonly sizeMb: number;
  readonly rounds: number;
  readonly peers: readonly string[];
  /** A line about each tool that is not installed. */
  readonly leftOut: readonly string[];
}

type Contacts = Pick<ContactRuns, 'first'> & { readonly seen: TransferRun | null };

async function runOurs(path: string, link: LinkOptions, work: Work): Promise<Contacts> {
  const stateDirectory = values['state-dir'];
  const profileDirectory = values['cpu-prof'];
  const options = {
    source: work.source,
    items: work.items,
    workDirectory: work.directory,
    dataPath: path,
    link,
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
    ...(profileDirectory === undefined ? {} : { profileDirectory }),
  };
  if (values.seen) return measureContacts(options);
  return { first: await measureTransfer(options), seen: null };
}

/** Runs of one path, in the order of the rounds. */
interface OurRuns {
  readonly first: TransferRun[];
  readonly seen: TransferRun[];
}

interface Rounds {
  readonly ours: ReadonlyMap<string, OurRuns>;
  readonly peers: ReadonlyMap<string, PeerRun[]>;
}

function capSecondsOf({ profile, sizeMb }: Work): number {
  const text = values['peer-cap'];
  if (text !== undefined) return countOf('peer-cap', text);
  const allowed = (sizeMb * 8) / (profile.targetMbps ?? profile.limitMbps / 2);
  return Math.min(CAP_SECONDS_MAX, Math.max(CAP_SECONDS_MIN, Math.ceil(allowed * CAP_FACTOR)));
}

async function runRounds(work: Work): Promise<Rounds> {
  const { profile, source, items, directory: workDirectory } = work;
  const ours = new Map<string, OurRuns>(
    words(values.path).map((path) => [path, { first: [], seen: [] }]),
  );
  const peers = new Map<string, PeerRun[]>(work.peers.map((peer) => [peer, []]));
  const capSeconds = capSecondsOf(work);
  for (let round = 0; round < work.rounds; round += 1) {
    const link = { ...profile.link, seed: countOf('seed', values.seed) + round };
    for (const [path, runs] of ours) {
      const { first, seen } = await runOurs(path, link, work);
      runs.first.push(first);
      note(`${profile.name} ${path} ${runLine(first)}`);
      if (seen === null) continue;
      runs.seen.push(seen);
      note(`${profile.name} ${path}, seen before ${runLine(seen)}`);
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

/** What one section is about. */
interface Part {
  readonly path: string;
  readonly contact: Contact;
  readonly runs: readonly TransferRun[];
  /** Markdown below the runs, and bars of other tools, where they belong to this part. */
  readonly beside: string;
  readonly bars: readonly ChartBar[];
}

function chartOf({ profile, sizeMb }: Work, part: Part): ChartGroup | null {
  if (part.path !== 'native' || sizeMb !== profile.sizeMb) return null;
  const name = part.contact === 'first' ? 'JetStream' : 'JetStream, seen';
  const mbps = Math.round(median(part.runs.map((run) => run.goodputMbps)));
  return {
    place: placeOf(profile),
    name: profile.name,
    link: linkWords(profile.link),
    limitMbps: profile.limitMbps,
    bars: [{ name, kind: part.contact, mbps }, ...part.bars],
  };
}

/** The command that measures the part again. */
function commandOf({ profile, sizeMb, rounds, peers }: Work, { path, contact }: Part): string {
  const size = sizeMb === profile.sizeMb ? '' : ` --size-mb ${sizeMb}`;
  const others = ` --peers ${peers.length === 0 ? NO_PEERS : peers.join(',')}`;
  return `bench/wan --profile ${profile.name} --path ${path}${contact === 'seen' ? ' --seen' : others} --runs ${rounds}${size}`;
}

function record(work: Work, part: Part): void {
  const { profile, sizeMb } = work;
  const { path, contact, runs } = part;
  const body = [runTable(runs), runDetails(runs), part.beside].filter(Boolean).join('\n\n');
  const title = `WAN ${profile.name}, ${path}, one ${sizeMb} MB file${contact === 'seen' ? ', peer seen before' : ''}`;
  process.stdout.write(`${title}\n\n${body}\n\n`);
  const run = medianRun(runs);
  const firstDataMs = run.traffic?.firstDataMs ?? null;
  const verdicts = verdictsOf({ profile, path, contact, sizeMb, run: { ...run, firstDataMs } });
  for (const { what, target, measured, met } of verdicts) {
    note(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured}, target ${target}`);
  }
  if (values.dry) return;
  const size = sizeMb === profile.sizeMb ? '' : ` ${sizeMb} MB`;
  const chart = chartOf(work, part);
  recordSection({
    id: `2 wan ${placeOf(profile)} ${profile.name} ${path}${size}${contact === 'seen' ? ' seen' : ''}`,
    title,
    settings: `\`${commandOf(work, part)}\`; ${describeLink(profile.link)}; the link allows ${profile.limitMbps} Mbit/s; seeds from ${values.seed}, data in ${values['data-dir']}.`,
    verdicts,
    ...(chart === null ? {} : { chart }),
    body,
  });
}

async function benchProfile(work: Work): Promise<void> {
  const { ours, peers } = await runRounds(work);
  const named = new Map<string, readonly TransferRun[]>();
  for (const [path, { first, seen }] of ours) {
    named.set(path, first);
    if (seen.length > 0) named.set(`${path}, seen before`, seen);
  }
  const tools = peers.size === 0 ? '' : peerTable(named, peers);
  const others = [tools, ...work.leftOut.map((line) => `- ${line}`)].filter(Boolean).join('\n\n');
  // The other tools were measured once, so they stand in one section: that of the first path.
  let isFirst = true;
  for (const [path, { first, seen }] of ours) {
    const beside = isFirst ? { beside: others, bars: peerBars(peers) } : { beside: '', bars: [] };
    isFirst = false;
    record(work, { path, contact: 'first', runs: first, ...beside });
    if (seen.length > 0) record(work, { path, contact: 'seen', runs: seen, beside: '', bars: [] });
  }
}

/** The tools that a profile is measured beside. */
function peersFor(profile: WanProfile, sizeMb: number): Pick<Work, 'peers' | 'leftOut'> {
  const usual = sizeMb === profile.sizeMb ? DEFAULT_PEERS : NO_PEERS;
  const wanted = values.peers ?? usual;
  const { names, leftOut } = installedPeers(wanted === NO_PEERS ? [] : words(wanted));
  for (const line of leftOut) note(`!!! SKIPPED: ${line}`);
  return { peers: names, leftOut };
}

await runMain(async () => {
  const obstacle = labObstacle();
  if (obstacle !== null) throw new Error(`Cannot measure over a WAN: ${obstacle}`);
  const names =
    values.profile === 'all' ? WAN_PROFILES.map(({ name }) => name) : words(values.profile);
  const profiles = names.map(wanProfile);
  const rounds = countOf('runs', values.runs);
  const size = values['size-mb'];
  const wantedMb = size === undefined ? null : countOf('size-mb', size);
  const plans = profiles.map((profile) => {
    const sizeMb = wantedMb ?? profile.sizeMb;
    return { profile, sizeMb, rounds, ...peersFor(profile, sizeMb) };
  });
  const directory = await openWorkplace(values['data-dir']);
  const source = join(directory, 'source');
  mkdirSync(source);
  let items: ReadonlyMap<string, TreeItem> = new Map();
  let itemsMb = 0;
  for (const plan of plans) {
    if (itemsMb !== plan.sizeMb) {
      rmSync(join(source, 'big.bin'), { force: true });
      await writeRandomFile(join(source, 'big.bin'), plan.sizeMb * 1e6, 1);
      items = await readTree(source);
      itemsMb = plan.sizeMb;
    }
    await benchProfile({ ...plan, directory, source, items });
  }
});
