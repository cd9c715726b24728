/** `jetstream ls`: the content of a directory on a server. */
import { DEFAULT_API_PORT, DEFAULT_SERVER_ADDRESS, type Listing } from '@jetstream/contract';
import { type Command, Option } from 'commander';
import { parseEndpoint } from '../endpoint.js';
import { untilInterrupted } from '../interruption.js';
import { jsonText } from '../json-text.js';
import { listingLines } from '../listing-text.js';
import { connectAndLogIn } from '../login.js';
import { parsePort } from '../option-values.js';
import type { Terminal } from '../terminal.js';

interface LsFlags {
  readonly apiControlPort: number;
  readonly hash?: 'MD5' | 'S3' | 'SHA256' | 'BLAKE3';
  readonly directory?: boolean;
  readonly json?: boolean;
  readonly localKeyFile?: string;
  readonly fingerprint?: string;
}

const run = async (terminal: Terminal, text: string, flags: LsFlags): Promise<void> => {
  const place = parseEndpoint(text);
  const { localKeyFile, fingerprint } = flags;
  const server =
    place.kind === 'remote'
      ? {
          host: place.host,
          port: place.port ?? flags.apiControlPort,
          user: place.user ?? undefined,
        }
      : { host: DEFAULT_SERVER_ADDRESS, port: flags.apiControlPort };
  const api = await connectAndLogIn(terminal, {
    ...server,
    localKeyFile,
    fingerprint,
    quiet: flags.json === true,
  });
  try {
    const listing: Listing = await api.server.ls(place.path, {
      ...(flags.directory === true ? { directory: true } : {}),
      ...(flags.hash === undefined ? {} : { calculateHashType: flags.hash }),
    });
    if (flags.json) terminal.out(`${jsonText(listing)}\n`);
    else terminal.out(listingLines(listing.files, { tty: terminal.outIsTty }));
  } finally {
    await api.close();
  }
};

/** Adds the command. */
export const addLsCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('ls')
    .summary('list a directory on a server')
    .description('Lists a directory on a server, or on the local one when no host is given.')
    .argument('<[[user@]host[:port]:]path>', 'directory or file')
    .option('--api-control-port <port>', 'TCP port of the API', parsePort, DEFAULT_API_PORT)
    .option('--directory', 'describe the directory itself')
    .addOption(
      new Option('--hash <type>', 'hash of each file').choices(['MD5', 'S3', 'SHA256', 'BLAKE3']),
    )
    .option('--local-key-file <file>', 'key file of a server of the same user')
    .option('--fingerprint <text>', 'the only server key to accept, SHA256:…')
    .option('--json', 'print JSON')
    .action(async (text: string, flags: LsFlags) => {
      await untilInterrupted(terminal, run(terminal, text, flags));
    });
};
