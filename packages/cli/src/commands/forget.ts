/** `jetstream forget`: drops the remembered key of a server. */
import { join } from 'node:path';
import { FileKnownServers, serverAddress, userDirectories } from '@jetstream/client';
import { DEFAULT_API_PORT } from '@jetstream/contract';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.js';
import { CliError, usageError } from '../failure.js';
import { jsonText } from '../json-text.js';
import type { Terminal } from '../terminal.js';

/** `host:port` in the form in which it is remembered. */
export const parseServerAddress = (text: string): string => {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/@\s[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? DEFAULT_API_PORT);
  if (match === null || port < 1 || port > 65_535) {
    throw usageError(`Cannot use "${text}": expected host:port`);
  }
  return serverAddress(match[1] ?? '', port);
};

/** Adds the command. */
export const addForgetCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('forget')
    .summary('forget the remembered key of a server')
    .description('Drops the remembered key of a server, so that its next key is trusted.')
    .argument('<host:port>', 'as in the message about the changed key')
    .option('--json', 'print JSON')
    .action(async (text: string, flags: { json?: boolean }) => {
      const address = parseServerAddress(text);
      const file = join(userDirectories(terminal.environment).config, 'known_servers');
      const known = new FileKnownServers(file);
      if (!(await known.forget(address))) {
        throw new CliError(`Cannot forget "${address}": it is not in "${file}"`, {
          exitCode: EXIT.notFound,
          code: 'not_found',
        });
      }
      if (flags.json) terminal.out(`${jsonText({ forgotten: address })}\n`);
      else terminal.out(`Forgot the key of ${address}\n`);
    });
};
