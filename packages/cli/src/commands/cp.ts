/** `jetstream cp`: copies files between this machine and a server, or between two servers. */
import {
  DEFAULT_API_PORT,
  OVERWRITE_ALWAYS,
  OVERWRITE_BACKUP,
  OVERWRITE_NEVER,
  SYMLINK_FOLLOW,
  SYMLINK_IGNORE,
  SYMLINK_PRESERVE,
} from '@jetstream/contract';
import { type Command, Option } from 'commander';
import { copyOutcome } from '../copy-outcome.js';
import { placement, planCopy } from '../copy-plan.js';
import { openCopyServers } from '../copy-servers.js';
import { runCopy } from '../copy-transfer.js';
import { copyView } from '../copy-view.js';
import { parseEndpoint } from '../endpoint.js';
import { usageError } from '../failure.js';
import { collected, parsePort, parsePositive } from '../option-values.js';
import type { Terminal } from '../terminal.js';

const OVERWRITE_MODES = {
  always: OVERWRITE_ALWAYS,
  never: OVERWRITE_NEVER,
  backup: OVERWRITE_BACKUP,
} as const;

const SYMLINK_MODES = {
  follow: SYMLINK_FOLLOW,
  ignore: SYMLINK_IGNORE,
  preserve: SYMLINK_PRESERVE,
} as const;

/** Flags of `jetstream cp`. */
export interface CpFlags {
  readonly apiControlPort: number;
  readonly receiveAddress?: string;
  readonly overwrite?: keyof typeof OVERWRITE_MODES;
  readonly symlinks?: keyof typeof SYMLINK_MODES;
  readonly include?: string[];
  readonly exclude?: string[];
  readonly stopOnError?: boolean;
  readonly whole?: boolean;
  readonly rateMax?: number;
  readonly embedded?: boolean;
  readonly localKeyFile?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** A link is no path: its server decides what it holds, and its text is a secret. */
const refuseLinks = (paths: readonly string[]): void => {
  if (!paths.some((path) => /^(jetstream|https):\/\//i.test(path))) return;
  throw usageError('Cannot copy from a link', 'jetstream get <link> [directory] redeems one');
};

const run = async (terminal: Terminal, paths: readonly string[], flags: CpFlags): Promise<void> => {
  const targetText = paths.at(-1);
  const sourceTexts = paths.slice(0, -1);
  if (targetText === undefined || sourceTexts.length === 0) {
    throw usageError('Cannot copy: a source or the target is missing', 'jetstream cp --help');
  }
  refuseLinks(paths);
  const startMs = performance.now();
  const view = copyView(terminal, flags);
  const servers = await openCopyServers(terminal, {
    sources: sourceTexts.map(parseEndpoint),
    target: parseEndpoint(targetText),
    flags,
  });
  try {
    const sources = await servers.describeSources();
    const target = await servers.describeTarget();
    const { sender, receiver, receiverAddress, receiverToken } = servers;
    const { transfer, leftOut } = await runCopy({
      sender,
      receiver,
      receiverAddress,
      receiverToken,
      content: {
        ...placement(planCopy(sources, target), flags.whole ?? false),
        symlinks: flags.symlinks === undefined ? null : SYMLINK_MODES[flags.symlinks],
        include: flags.include ?? null,
        exclude: flags.exclude ?? null,
      },
      delivery: {
        overwriteMode: flags.overwrite === undefined ? null : OVERWRITE_MODES[flags.overwrite],
        onFileError: flags.stopOnError === true ? 'stop' : null,
        publish: flags.whole === true ? 'whole' : null,
      },
      ...(flags.rateMax === undefined ? {} : { sendRateMaxKbps: flags.rateMax }),
      view,
      signal: terminal.interrupted,
    });
    const receiptPath = await servers.receiptPath(transfer);
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    copyOutcome(terminal, { transfer, leftOut, receiptPath, elapsedSeconds }, flags);
  } finally {
    await servers.close();
  }
};

/** Adds the command. */
export const addCpCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('cp')
    .summary('copy files to, from or between servers')
    .description(
      'Copies files and directories (with all below). A path on a server is ' +
        '[user@]host[:port]:/path. Uses the server of this user when one runs on this machine, ' +
        'else one of its own for the time of the copy.',
    )
    .argument('<paths...>', 'sources, then the target')
    .usage('[options] <source...> <target>')
    .option('--api-control-port <port>', 'TCP port of remote APIs', parsePort, DEFAULT_API_PORT)
    .option('--receive-address <host>', 'address under which the other server reaches this machine')
    .addOption(
      new Option('--overwrite <when>', 'replace existing files').choices(
        Object.keys(OVERWRITE_MODES),
      ),
    )
    .addOption(
      new Option('--symlinks <how>', 'what becomes of symbolic links').choices(
        Object.keys(SYMLINK_MODES),
      ),
    )
    .option('--include <glob>', 'take only such names; may be repeated', collected)
    .option('--exclude <glob>', 'leave such names out; may be repeated', collected)
    .option('--stop-on-error', 'end with the first file that fails')
    .option('--whole', 'let a directory appear at once, when everything in it has arrived')
    .option('--rate-max <kbit/s>', 'ceiling of the sending rate', parsePositive)
    .option('--embedded', 'do not use a running server of this user')
    .option('--local-key-file <file>', 'key file of the local server')
    .option('--quiet', 'no progress')
    .option('--json', 'progress and result as JSON, one record a line')
    .action(async (paths: string[], flags: CpFlags) => run(terminal, paths, flags));
};
