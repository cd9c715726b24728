/** `jetstream server`: runs a server until it is told to stop. */
import type { ServerOption, ServerOptionsInput } from '@jetstream/server';
import { Command, Option } from 'commander';
import { withUsageErrors } from '../failure.js';
import { wrap } from '../method-text.js';
import type { Terminal } from '../terminal.js';

/** Milliseconds that a stopping server may take to finish what it is doing. */
const DRAIN_MS = 10_000;

const describe = ({ doc, range, unit, defaultText }: ServerOption): string => {
  const facts = [unit, range, defaultText === '' ? '' : `default ${defaultText}`];
  return `${doc} (${facts.filter((fact) => fact !== '').join('; ')})`;
};

/** A flag for each option of the server. */
export const optionOf = (option: ServerOption): Option => {
  const value = option.kind === 'boolean' ? ' [true|false]' : ' <value>';
  const made = new Option(`--${option.flag}${value}`, describe(option));
  if (option.kind !== 'list') return made;
  return made.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
};

/**
 * The command with the flags of the server's own option table.
 *
 * The table is loaded with the server, which other commands should not have to wait for.
 */
const detailedCommand = (options: readonly ServerOption[], terminal: Terminal): Command => {
  const command = new Command('jetstream server')
    .description(
      'Runs a server in the foreground. Prints one line of JSON when it is ready; the log goes to ' +
        'standard error. SIGTERM and SIGINT stop it after running work is safe.',
    )
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: () => undefined })
    .allowExcessArguments(false);
  for (const option of options) command.addOption(optionOf(option));
  return withUsageErrors(command);
};

const run = async (terminal: Terminal, args: readonly string[]): Promise<void> => {
  const { serverOptions, startServer } = await import('@jetstream/server');
  const command = detailedCommand(serverOptions, terminal);
  command.parse([...args], { from: 'user' });
  const running = await startServer(command.opts<ServerOptionsInput>());
  terminal.out(`${JSON.stringify(running.ready)}\n`);
  const { interrupted } = terminal;
  const asked = new Promise<void>((resolve) => {
    if (interrupted.aborted) resolve();
    interrupted.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([asked, running.closed]);
  await running.stop({ drainMs: DRAIN_MS });
};

/** Adds the command. */
export const addServerCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('server')
    .summary('run a server')
    .description(wrap('Runs a server in the foreground; jetstream server --help lists flags.', ''))
    .allowUnknownOption()
    .helpOption(false)
    .argument('[flags...]')
    .action(async (args: string[]) => run(terminal, args));
};
