/** `jetstream retry`: send again what failed or was cancelled. */
import type { Command } from 'commander';
import { jsonText } from '../json-text.js';
import { addServerFlags, type ServerFlags, withServer } from '../server-flags.js';
import type { Terminal } from '../terminal.js';
import { transferLine } from '../transfer-text.js';

const run = (terminal: Terminal, transferId: string, flags: ServerFlags): Promise<void> =>
  withServer(terminal, flags, async (api) => {
    const transfer = await api.send.retryTransfer(transferId);
    terminal.out(flags.json ? `${jsonText(transfer)}\n` : transferLine(transfer));
  });

/** Adds the command. */
export const addRetryCommand = (program: Command, terminal: Terminal): void => {
  const command = program
    .command('retry')
    .summary('send again what failed or was cancelled')
    .description(
      'Queues a transfer again that ended with an error or was cancelled, or ends the pause before the next attempt.',
    )
    .argument('<transferId>', 'id of the transfer');
  addServerFlags(command).action((transferId: string, flags: ServerFlags) =>
    run(terminal, transferId, flags),
  );
};
