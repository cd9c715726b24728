/** `jetstream suspend`: stop a transfer and keep its progress. */
import type { Command } from 'commander';
import { jsonText } from '../json-text.js';
import { addServerFlags, type ServerFlags, withServer } from '../server-flags.js';
import type { Terminal } from '../terminal.js';
import { transferLine } from '../transfer-text.js';

const run = (terminal: Terminal, transferId: string, flags: ServerFlags): Promise<void> =>
  withServer(terminal, flags, async (api) => {
    const transfer = await api.send.suspendTransfer(transferId);
    terminal.out(flags.json ? `${jsonText(transfer)}\n` : transferLine(transfer));
  });

/** Adds the command. */
export const addSuspendCommand = (program: Command, terminal: Terminal): void => {
  const command = program
    .command('suspend')
    .summary('stop a transfer and keep its progress')
    .description(
      'Takes a transfer out of the queue, or stops it; its progress is kept and resume lets it go on.',
    )
    .argument('<transferId>', 'id of the transfer');
  addServerFlags(command).action((transferId: string, flags: ServerFlags) =>
    run(terminal, transferId, flags),
  );
};
