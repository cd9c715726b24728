/** `jetstream events`: the event log of a server on this machine. */
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { CliError, usageError } from '../failure.js';
import { untilInterrupted } from '../interruption.js';
import { jsonText } from '../json-text.js';
import { type LogHead, openServerEventLog, type Verification } from '../server-event-log.js';
import type { Terminal } from '../terminal.js';

interface VerifyFlags {
  readonly persistentStateDir?: string;
  readonly noted?: string;
  readonly json?: boolean;
}

const parseNoted = (text: string | undefined): LogHead | null => {
  if (text === undefined) return null;
  const [, seq, hash] = /^([1-9]\d{0,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) {
    throw usageError(
      `Cannot use --noted ${JSON.stringify(text)}`,
      'Expected what an earlier run has printed: a number, a colon and 64 hex digits',
    );
  }
  return { seq: Number(seq), hash };
};

const count = (entries: number): string => entries.toLocaleString('en-US');

const tell = (terminal: Terminal, found: Verification, flags: VerifyFlags): void => {
  if (flags.json) {
    terminal.out(`${jsonText(found)}\n`);
  } else if (found.head === null) {
    terminal.out('The event log is empty\n');
  } else {
    terminal.out(`${count(found.checked)} entries are in order, the last one is\n`);
    terminal.out(`${found.head.seq}:${found.head.hash}\n`);
  }
  if (found.fault === null) return;
  throw new CliError(`The event log is broken: ${found.fault.reason}`, {
    exitCode: EXIT.failed,
    code: 'log_broken',
    hint: 'Someone has changed the database of the server; compare it with a backup',
  });
};

const verify = async (terminal: Terminal, flags: VerifyFlags): Promise<void> => {
  const noted = parseNoted(flags.noted);
  await using log = await openServerEventLog(flags.persistentStateDir ?? null);
  const progress = (checked: number): void => {
    if (terminal.errIsTty) terminal.err(`\r${count(checked)} entries checked`);
  };
  const found = await untilInterrupted(terminal, log.verify({ noted, progress }));
  if (terminal.errIsTty) terminal.err('\r\u001b[K');
  tell(terminal, found, flags);
};

/** Adds the command and its sub-command. */
export const addEventsCommand = (program: Command, terminal: Terminal): void => {
  const group = program
    .command('events')
    .summary('check the event log of a server on this machine')
    .description('Works on the state directory, whether or not the server runs.');
  group
    .command('verify')
    .summary('check that no entry was edited or removed')
    .description(
      'Checks every entry of the event log against the one before, names the first that was edited ' +
        'or is missing, and prints number and hash of the last one. Noted elsewhere and given back ' +
        'with --noted, these also uncover a log that was written anew.',
    )
    .option('--persistent-state-dir <dir>', 'state directory of the server')
    .option('--noted <number:hash>', 'an entry that an earlier run has printed')
    .option('--json', 'print JSON')
    .action((flags: VerifyFlags) => verify(terminal, flags));
};
