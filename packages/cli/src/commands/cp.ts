/** `jetstream cp`: copies files between this machine and a server, or between two servers. */
import { DEFAULT_API_PORT, OVERWRITE_ALWAYS, OVERWRITE_NEVER } from '@jetstream/contract';
import { type Command, Option } from 'commander';
import { copyOutcome } from '../copy-outcome.js';
import { planCopy } from '../copy-plan.js';
import { openCopyServers } from '../copy-servers.js';
import { runCopy } from '../copy-transfer.js';
import { copyView } from '../copy-view.js';
import { parseEndpoint } from '../endpoint.js';
import { usageError } from '../failure.js';
import { parsePort, parsePositive } from '../option-values.js';
import type { Terminal } from '../terminal.js';

/** Flags of `jetstream cp`. */
export interface CpFlags {
  readonly apiControlPort: number;
  readonly receiveAddress?: string;
  readonly overwrite?: 'always' | 'never';
  readonly rateMax?: number;
  readonly embedded?: boolean;
  readonly localKeyFile?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const run = async (terminal: Terminal, paths: readonly string[], flags: CpFlags): Promise<void> => {
  const targetText = paths.at(-1);
  const sourceTexts = paths.slice(0, -1);
  if (targetText === undefined || sourceTexts.length === 0) {
    throw usageError('Cannot copy: a source or the target is missing', 'jetstream cp --help');
  }
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
    const transfer = await runCopy({
      sender,
      receiver,
      receiverAddress,
      receiverToken,
      content: { mappings: planCopy(sources, target) },
      ...(flags.overwrite === undefined
        ? {}
        : { overwriteMode: flags.overwrite === 'never' ? OVERWRITE_NEVER : OVERWRITE_ALWAYS }),
      ...(flags.rateMax === undefined ? {} : { sendRateMaxKbps: flags.rateMax }),
      view,
      signal: terminal.interrupted,
    });
    const receiptPath = await servers.receiptPath(transfer);
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    copyOutcome(terminal, { transfer, receiptPath, elapsedSeconds }, flags);
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
      new Option('--overwrite <when>', 'replace existing files').choices(['always', 'never']),
    )
    .option('--rate-max <kbit/s>', 'ceiling of the sending rate', parsePositive)
    .option('--embedded', 'do not use a running server of this user')
    .option('--local-key-file <file>', 'key file of the local server')
    .option('--quiet', 'no progress')
    .option('--json', 'progress and result as JSON, one record a line')
    .action(async (paths: string[], flags: CpFlags) => run(terminal, paths, flags));
};
