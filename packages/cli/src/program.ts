/** The command line as a whole. */
import { BUILD_VERSION } from '@jetstream/contract';
import { Command, type OutputConfiguration } from 'commander';
import { addServerCommand } from './commands/server.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { failureOf, failureText, withUsageErrors } from './failure.js';
import type { Terminal } from './terminal.js';

const CODES_TEXT = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 login or right refused, 4 not found,
5 no connection, 6 the server's identity has changed, 7 some files failed, 130 interrupted.`;

const configure = (command: Command, output: OutputConfiguration): void => {
  withUsageErrors(command).configureOutput(output);
  for (const inner of command.commands) configure(inner, output);
};

/** Builds the program for a command line; nothing runs yet. */
export const buildProgram = async (
  terminal: Terminal,
  args: readonly string[],
): Promise<Command> => {
  const program = new Command('jetstream')
    .description('Moves files fast, far and safely.')
    .version(BUILD_VERSION, '--version', 'print the version')
    .helpCommand(false)
    .enablePositionalOptions()
    .addHelpText('after', CODES_TEXT);
  addServerCommand(program, terminal);
  // A server starts without the code of the other commands, which takes a tenth of a second to load.
  if (args[0] !== 'server') {
    const { addOtherCommands } = await import('./commands/other-commands.js');
    addOtherCommands(program, terminal);
  }
  // Errors are written once, by runCli, in the CLI's own form.
  configure(program, { writeOut: (text) => terminal.out(text), writeErr: () => undefined });
  return program;
};

/**
 * Runs one command line.
 *
 * @param args Without the program's own name.
 */
export const runCli = async (args: readonly string[], terminal: Terminal): Promise<ExitCode> => {
  try {
    const program = await buildProgram(terminal, args);
    if (args.length === 0) {
      terminal.err(program.helpInformation() + CODES_TEXT);
      return EXIT.usage;
    }
    await program.parseAsync([...args], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) return EXIT.ok;
    terminal.err(`${failureText(failure, { json: args.includes('--json') })}\n`);
    if (terminal.environment.JETSTREAM_DEBUG === '1') {
      terminal.err(`${error instanceof Error ? (error.stack ?? '') : ''}\n`);
    }
    return failure.exitCode;
  }
};
