/** `jetstream users`: the built-in users of a server on this machine. */
import type { Command } from 'commander';
import { usageError } from '../failure.js';
import { untilInterrupted } from '../interruption.js';
import { jsonText } from '../json-text.js';
import { openAccounts } from '../server-accounts.js';
import type { Terminal } from '../terminal.js';
import { nameBytes } from '../visible-text.js';

interface UsersFlags {
  readonly persistentStateDir?: string;
  readonly json?: boolean;
  readonly osUser?: string;
}

const OS_USER = 'account of this machine whose files the user works with, for servers run as root';

type Users = Awaited<ReturnType<typeof openAccounts>>['users'];

/** Password for a user: from the environment, a prompt (twice), or the first line of input. */
const newPassword = async (terminal: Terminal, name: string): Promise<string> => {
  const given = terminal.environment.JETSTREAM_NEW_PASSWORD;
  if (given !== undefined && given !== '') return given;
  if (!terminal.inIsTty) {
    const text = await terminal.readInput();
    if (text !== '') return text;
    throw usageError(
      `Cannot set the password of "${name}": standard input is empty`,
      'Give it in JETSTREAM_NEW_PASSWORD or on standard input',
    );
  }
  const first = await terminal.askSecret(`New password of ${name}:`);
  const second = await terminal.askSecret('The same again:');
  if (first !== second) throw usageError('Cannot set the password: the two entries differ');
  return first;
};

const listUsers = async (terminal: Terminal, users: Users, flags: UsersFlags): Promise<void> => {
  const list = await users.list();
  if (flags.json) {
    terminal.out(`${jsonText(list)}\n`);
    return;
  }
  for (const { name, locked, osUser } of list) {
    terminal.out(nameBytes(name, { tty: terminal.outIsTty }));
    if (osUser !== null) terminal.out(`  as ${osUser}`);
    terminal.out(locked ? '  locked\n' : '\n');
  }
};

/** Adds the command and its sub-commands. */
export const addUsersCommand = (program: Command, terminal: Terminal): void => {
  const group = program
    .command('users')
    .summary('manage the built-in users of a server on this machine')
    .description(
      'Manages accounts of the server that need none of the operating system. Works while the ' +
        'server runs. Passwords come from JETSTREAM_NEW_PASSWORD, a prompt or standard input.',
    );
  type Action = (users: Users, name: string, flags: UsersFlags) => Promise<void>;
  const add = (usage: string, description: string, action: Action): Command =>
    group
      .command(usage)
      .description(description)
      .option('--persistent-state-dir <dir>', 'state directory of the server')
      .option('--json', 'print JSON')
      .action(async (...given: unknown[]) => {
        // Commander passes the arguments, then the options, then the command itself.
        const flags = given.at(-2) as UsersFlags;
        const name = typeof given[0] === 'string' ? given[0] : '';
        const run = async (): Promise<void> => {
          const directory = flags.persistentStateDir ?? null;
          await using accounts = await openAccounts({ directory, osUser: flags.osUser ?? null });
          await action(accounts.users, name, flags);
        };
        await untilInterrupted(terminal, run());
      });
  const said = (flags: UsersFlags, done: string, name: string): void => {
    if (flags.json) terminal.out(`${jsonText({ [done.toLowerCase()]: name })}\n`);
    else terminal.err(`${done} user ${name}\n`);
  };
  add('add <name>', 'add a user', async (users, name, flags) => {
    const osUser = flags.osUser ?? null;
    await users.add(name, await newPassword(terminal, name), osUser);
    said(flags, 'Added', name);
  }).option('--os-user <account>', OS_USER);
  add('map <name>', 'set whose files a user works with', async (users, name, flags) => {
    const osUser = flags.osUser ?? null;
    await users.setOsUser(name, osUser);
    said(flags, 'Mapped', name);
  }).option('--os-user <account>', `${OS_USER}; the one of --files-account when absent`);
  add('passwd <name>', 'set a new password; open logins end', async (users, name, flags) => {
    await users.setPassword(name, await newPassword(terminal, name));
    said(flags, 'Changed', name);
  });
  add('list', 'list the users', (users, _name, flags) => listUsers(terminal, users, flags));
  add('remove <name>', 'remove a user and its tokens', async (users, name, flags) => {
    await users.remove(name);
    said(flags, 'Removed', name);
  });
  add('lock <name>', 'refuse logins and end open ones', async (users, name, flags) => {
    await users.setLocked(name, true);
    said(flags, 'Locked', name);
  });
  add('unlock <name>', 'allow logins again', async (users, name, flags) => {
    await users.setLocked(name, false);
    said(flags, 'Unlocked', name);
  });
};
