/** `jetstream transfers`: what a server sends, newest first. */
import type { Command } from 'commander';
import { jsonText } from '../json-text.js';
import { parseCount, parseTransferId } from '../option-values.js';
import { addServerFlags, type ServerFlags, withServer } from '../server-flags.js';
import type { Terminal } from '../terminal.js';
import { transferLine } from '../transfer-text.js';

interface TransfersFlags extends ServerFlags {
  readonly limit: number;
  readonly after?: string;
}

const DEFAULT_LIMIT = 50;

const run = (terminal: Terminal, flags: TransfersFlags): Promise<void> =>
  withServer(terminal, flags, async (api) => {
    const { limit, after } = flags;
    const transfers = await api.send.getTransfers({ limit, after: after ?? null, order: 'newest' });
    if (flags.json) terminal.out(`${jsonText(transfers)}\n`);
    else for (const transfer of transfers) terminal.out(transferLine(transfer));
  });

/** Adds the command. */
export const addTransfersCommand = (program: Command, terminal: Terminal): void => {
  const command = program
    .command('transfers')
    .summary('list transfers')
    .description(
      'Lists the transfers that a server sends or has sent, newest first: id, status, durable part, size, priority, destination, and what goes on.',
    );
  addServerFlags(command)
    .option('--limit <count>', 'most transfers to list', parseCount, DEFAULT_LIMIT)
    .option('--after <id>', 'those after this one, the last of the page before', parseTransferId)
    .action((flags: TransfersFlags) => run(terminal, flags));
};
