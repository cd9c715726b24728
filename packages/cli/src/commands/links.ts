/** `jetstream links`: the download links of a server. */
import type { Api } from '@jetstream/client';
import {
  DEFAULT_API_PORT,
  DEFAULT_SERVER_ADDRESS,
  parseDownloadLink,
  type SharedTokenStructure,
} from '@jetstream/contract';
import type { Command } from 'commander';
import { untilInterrupted } from '../interruption.js';
import { jsonText } from '../json-text.js';
import { connectAndLogIn } from '../login.js';
import { parsePort } from '../option-values.js';
import type { Terminal } from '../terminal.js';
import { visible } from '../visible-text.js';

interface LinksFlags {
  readonly host: string;
  readonly apiControlPort: number;
  readonly user?: string;
  readonly superuser?: boolean;
  readonly wrangler?: boolean;
  readonly localKeyFile?: string;
  readonly fingerprint?: string;
  readonly json?: boolean;
}

/** One link as a line: id, downloads, expiry, whether it has a password, description. */
const lineOf = (link: SharedTokenStructure): string => {
  const { token, downloadCount, downloadLimit, expiryTime, passwordRequired, description } = link;
  return [
    token,
    `${downloadCount}/${downloadLimit ?? '-'}`.padStart(7),
    expiryTime === null ? '-'.padEnd(19) : new Date(expiryTime / 1000).toISOString().slice(0, 19),
    passwordRequired ? 'password' : '-       ',
    visible(description),
  ].join('  ');
};

/** The token that a text names: a link, the text of a token, or its id. */
const tokenOf = (text: string): string =>
  text.includes('://') ? parseDownloadLink(text).token : text;

const withServer = async (
  terminal: Terminal,
  flags: LinksFlags,
  work: (api: Api) => Promise<void>,
): Promise<void> => {
  const { host, apiControlPort: port, json, ...login } = flags;
  const options = { ...login, host, port, quiet: json === true };
  const run = async (): Promise<void> => {
    const api = await connectAndLogIn(terminal, options);
    try {
      await work(api);
    } finally {
      await api.close();
    }
  };
  await untilInterrupted(terminal, run());
};

const addServerOptions = (command: Command): Command =>
  command
    .option('--host <host>', 'server to connect to', DEFAULT_SERVER_ADDRESS)
    .option('--api-control-port <port>', 'TCP port of its API', parsePort, DEFAULT_API_PORT)
    .option('--user <name>', 'user to log in as; password from JETSTREAM_API_PASSWORD or a prompt')
    .option('--superuser', 'elevate the session first, to see the links of all users')
    .option('--wrangler', 'the same, for wranglers')
    .option('--local-key-file <file>', 'key file of a server of the same user')
    .option('--fingerprint <text>', 'the only server key to accept, SHA256:…')
    .option('--json', 'print JSON');

/** Adds the command and its sub-commands. */
export const addLinksCommand = (program: Command, terminal: Terminal): void => {
  const group = program
    .command('links')
    .summary('list and delete download links')
    .description('The download links of a server; "jetstream share" makes them.');
  addServerOptions(group.command('list', { isDefault: true }))
    .summary('list the links, the default')
    .description(
      'Lists the links: id, downloads and their limit, expiry (UTC), whether there is a password, ' +
        'description. The links themselves are shown only when they are made.',
    )
    .action((flags: LinksFlags) =>
      withServer(terminal, flags, async (api) => {
        const links = await api.send.getSharedTokens();
        if (flags.json) terminal.out(`${jsonText(links)}\n`);
        else for (const link of links) terminal.out(`${lineOf(link)}\n`);
      }),
    );
  addServerOptions(group.command('delete'))
    .summary('delete a link')
    .description('Deletes a link; it is refused from now on. Running transfers go on.')
    .argument('<link>', 'id from the list, or the link itself')
    .action((link: string, flags: LinksFlags) =>
      withServer(terminal, flags, async (api) => {
        await api.send.deleteSharedToken(tokenOf(link));
        if (flags.json) terminal.out(`${jsonText(null)}\n`);
      }),
    );
};
