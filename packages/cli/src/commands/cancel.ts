/** `jetstream cancel`: end a transfer. */
import type { Command } from 'commander';
import { jsonText } from '../json-text.js';
import { addServerFlags, type ServerFlags, withServer } from '../server-flags.js';
import type { Terminal } from '../terminal.js';
import { transferLine } from '../transfer-text.js';

interface CancelFlags extends ServerFlags {
  readonly keepPartial?: boolean;
}

const run = (terminal: Terminal, transferId: string, flags: CancelFlags): Promise<void> =>
  withServer(terminal, flags, async (api) => {
    const transfer = await api.send.cancelTransfer(transferId, {
      keepPartial: flags.keepPartial === true,
    });
    terminal.out(flags.json ? `${jsonText(transfer)}\n` : transferLine(transfer));
  });

/** Adds the command. */
export const addCancelCommand = (program: Command, terminal: Terminal): void => {
  const command = program
    .command('cancel')
    .summary('end a transfer')
    .description('Ends a transfer. Files that are complete at the receiver stay.')
    .argument('<transferId>', 'id of the transfer');
  addServerFlags(command)
    .option('--keep-partial', 'keep unfinished files at the receiver for a retry')
    .action((transferId: string, flags: CancelFlags) => run(terminal, transferId, flags));
};
