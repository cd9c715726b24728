/**
 * What moving one random file costs: CPU seconds of both ends for each GB, ours beside other tools.
 *
 * Usage: bench/cpu [--case loopback,continental] [--path native] [--runs 3] [--size-mb N]
 *                  [--peers aria2-bbr,rsync-bbr,iperf-udp|none] [--data-dir /dev/shm] [--state-dir DIR]
 *                  [--cpu-prof DIR] [--dry]
 *
 * A case is `loopback`, or the name of a profile of `bench/wan`. Contenders take turns, round by round.
 * `iperf-udp` moves no file: it shows what UDP packets alone cost on the link.
 * Ours encrypts and hashes, the other tools do neither. Of our servers counts what they use from
 * `createTransfer` until the client knows that all is complete, of other tools all that client and
 * server use. Writes one section per case into RESULTS.md, unless `--dry`. Needs root, and for links a
 * C compiler. Tools that are not installed are named and left out.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readTree, type TreeItem, writeRandomFile } from '../../scripts/dist/sample-tree.js';
import { type LinkOptions, labObstacle } from '../../tests/wan/dist/wan-lab.js';
import { type CostRun, costTable, costVerdict, ownCost, peerCost } from './cost-table.js';
import { measureTransfer } from './measure-transfer.js';
import { installedPeers } from './peer-tools.js';
import { measurePeer } from './peers.js';
import { recordSection } from './results-file.js';
import { format } from './statistics.js';
import { describeLink, wanProfile } from './wan-profiles.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

/** Large enough that what starting costs does not count for much: a fresh server compiles as it runs. */
const SIZE_MB = 1000;
const PEER_SECONDS_MAX = 120;
const NO_PEERS = 'none';

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: 'loopback,continental' },
    path: { type: 'string', default: 'native' },
    runs: { type: 'string', default: '3' },
    'size-mb': { type: 'string' },
    peers: { type: 'string', default: 'aria2-bbr,rsync-bbr,iperf-udp' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    'state-dir': { type: 'string' },
    'cpu-prof': { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});

interface CostCase {
  readonly name: string;
  /** Null for loopback. */
  readonly link: LinkOptions | null;
  readonly sizeMb: number;
}

interface Work extends CostCase {
  readonly directory: string;
  readonly source: string;
  readonly items: ReadonlyMap<string, TreeItem>;
  readonly rounds: number;
  readonly peers: readonly string[];
}

function caseOf(name: string): CostCase {
  const profile = name === 'loopback' ? null : wanProfile(name);
  const size = values['size-mb'];
  const sizeMb = size === undefined ? SIZE_MB : countOf('size-mb', size);
  return { name, link: profile?.link ?? null, sizeMb };
}

const ourName = (): string => `JetStream (${values.path})`;

async function runRounds(work: Work): Promise<Map<string, CostRun[]>> {
  const { source, items, directory: workDirectory } = work;
  const runs = new Map<string, CostRun[]>(
    [ourName(), ...work.peers].map((contender) => [contender, []]),
  );
  const stateDirectory = values['state-dir'];
  const profileDirectory = values['cpu-prof'];
  for (let round = 0; round < work.rounds; round += 1) {
    const link = work.link === null ? null : { ...work.link, seed: 42 + round };
    for (const [contender, found] of runs) {
      const places = { source, items, workDirectory, link };
      const run =
        contender === ourName()
          ? ownCost(
              await measureTransfer({
                ...places,
                dataPath: values.path,
                ...(stateDirectory === undefined ? {} : { stateDirectory }),
                ...(profileDirectory === undefined ? {} : { profileDirectory }),
              }),
            )
          : peerCost(await measurePeer(contender, { ...places, capSeconds: PEER_SECONDS_MAX }));
      if (run === null) {
        note(`${work.name} ${contender}: no figure, the file did not arrive in time`);
        continue;
      }
      found.push(run);
      note(
        `${work.name} ${contender}: ${format(run.cpuPerGb, 2)} CPU s/GB at ${format(run.goodputMbps)} Mbit/s`,
      );
    }
  }
  return runs;
}

async function benchCase(work: Work, leftOut: readonly string[]): Promise<void> {
  const runs = await runRounds(work);
  const body = [costTable(runs), ...leftOut.map((line) => `- ${line}`)].join('\n\n');
  process.stdout.write(`${work.name}\n\n${body}\n\n`);
  const verdicts = costVerdict(`${work.name}, ${values.path}`, runs, ourName());
  for (const { what, target, measured, met } of verdicts) {
    note(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured}, target ${target}`);
  }
  if (values.dry) return;
  const { name, sizeMb, link, rounds, peers } = work;
  const others = peers.length === 0 ? NO_PEERS : peers.join(',');
  recordSection({
    id: `3 cpu ${name} ${values.path}`,
    title: `CPU, ${name}, ${values.path}, one ${sizeMb} MB file`,
    settings: `\`bench/cpu --case ${name} --path ${values.path} --peers ${others} --runs ${rounds}\`; ${link === null ? 'loopback' : describeLink(link)}; data in ${values['data-dir']}; both ends on the same cores. JetStream encrypts and hashes, the other tools do neither; much of the receiving of TCP is done by the emulator.`,
    verdicts,
    body,
  });
}

await runMain(async () => {
  const cases = values.case.split(',').map(caseOf);
  const wanted = values.peers === NO_PEERS ? [] : values.peers.split(',').filter(Boolean);
  const { names: peers, leftOut } = installedPeers(wanted);
  for (const line of leftOut) note(`!!! SKIPPED: ${line}`);
  const obstacle = labObstacle();
  if (obstacle !== null) throw new Error(`Cannot measure CPU beside other tools: ${obstacle}`);
  const rounds = countOf('runs', values.runs);
  const directory = await openWorkplace(values['data-dir']);
  const source = join(directory, 'source');
  mkdirSync(source);
  for (const each of cases) {
    const file = join(source, 'big.bin');
    rmSync(file, { force: true });
    await writeRandomFile(file, each.sizeMb * 1e6, 1);
    const items = await readTree(source);
    const absent = leftOut.slice();
    let others = peers;
    if (each.link === null && peers.includes('iperf-udp')) {
      others = peers.filter((peer) => peer !== 'iperf-udp');
      absent.push('iperf-udp is left out: it paces itself by the rate of a link');
    }
    await benchCase({ ...each, directory, source, items, rounds, peers: others }, absent);
  }
});
