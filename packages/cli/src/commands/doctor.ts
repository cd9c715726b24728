/** `jetstream doctor`: what a server on this machine would lack. */
import { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { CliError, withUsageErrors } from '../failure.js';
import { jsonText } from '../json-text.js';
import { wrap } from '../method-text.js';
import {
  type Finding,
  openExamination,
  type ServerOption,
  type ServerOptionsInput,
} from '../server-examination.js';
import type { Terminal } from '../terminal.js';
import { visible } from '../visible-text.js';
import { optionOf } from './server.js';

interface DoctorFlags extends ServerOptionsInput {
  readonly json?: boolean;
}

const MARKS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const;

const show = (terminal: Terminal, findings: readonly Finding[]): void => {
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, status, found, advice } of findings) {
    terminal.out(`${MARKS[status]}  ${name.padEnd(width)}  ${visible(found)}\n`);
    for (const line of advice) terminal.out(`${' '.repeat(width + 8)}-> ${visible(line)}\n`);
  }
};

const detailedCommand = (options: readonly ServerOption[], terminal: Terminal): Command => {
  const command = new Command('jetstream doctor')
    .description(
      'Examines this machine for a server with the given flags: ports, data path, buffers, limits, ' +
        'certificate, clock, disk, account and PAM. Changes nothing. Exit code 1 when something fails.',
    )
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: () => undefined })
    .allowExcessArguments(false)
    .option('--json', 'print JSON');
  for (const option of options) command.addOption(optionOf(option));
  return withUsageErrors(command);
};

const run = async (terminal: Terminal, args: readonly string[]): Promise<void> => {
  const examination = await openExamination(terminal.environment);
  const command = detailedCommand(examination.options, terminal);
  command.parse([...args], { from: 'user' });
  const { json, ...options } = command.opts<DoctorFlags>();
  const findings = await examination.examine(options);
  if (json === true) terminal.out(`${jsonText(findings)}\n`);
  else show(terminal, findings);
  const failed = findings.filter(({ status }) => status === 'fail');
  if (failed.length === 0) return;
  throw new CliError(`Not fit for a server: ${failed.map(({ name }) => name).join(', ')}`, {
    exitCode: EXIT.failed,
    code: 'not_fit',
  });
};

/** Adds the command. */
export const addDoctorCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('doctor')
    .summary('check what a server on this machine would lack')
    .description(wrap('Checks this machine; jetstream doctor --help lists flags.', ''))
    .allowUnknownOption()
    .helpOption(false)
    .argument('[flags...]')
    .action(async (args: string[]) => run(terminal, args));
};
