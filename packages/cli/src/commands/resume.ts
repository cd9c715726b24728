/** `jetstream resume`: let a suspended transfer go on. */
import type { Command } from 'commander';
import { jsonText } from '../json-text.js';
import { addServerFlags, type ServerFlags, withServer } from '../server-flags.js';
import type { Terminal } from '../terminal.js';
import { transferLine } from '../transfer-text.js';

const run = (terminal: Terminal, transferId: string, flags: ServerFlags): Promise<void> =>
  withServer(terminal, flags, async (api) => {
    const transfer = await api.send.resumeTransfer(transferId);
    terminal.out(flags.json ? `${jsonText(transfer)}\n` : transferLine(transfer));
  });

/** Adds the command. */
export const addResumeCommand = (program: Command, terminal: Terminal): void => {
  const command = program
    .command('resume')
    .summary('let a suspended transfer go on')
    .description('Queues a suspended transfer again; it goes on where it stopped.')
    .argument('<transferId>', 'id of the transfer');
  addServerFlags(command).action((transferId: string, flags: ServerFlags) =>
    run(terminal, transferId, flags),
  );
};
