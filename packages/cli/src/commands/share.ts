/** `jetstream share`: makes a download link for files on a server. */
import { resolve } from 'node:path';
import type { Api } from '@jetstream/client';
import {
  CommandError,
  DEFAULT_API_PORT,
  DEFAULT_SERVER_ADDRESS,
  formatDownloadLink,
  type SharedTokenStructure,
} from '@jetstream/contract';
import type { Command } from 'commander';
import { planCopy } from '../copy-plan.js';
import { type Endpoint, parseEndpoint } from '../endpoint.js';
import { usageError } from '../failure.js';
import { untilInterrupted } from '../interruption.js';
import { jsonText } from '../json-text.js';
import { leftOutOf, leftOutText } from '../left-out.js';
import { connectAndLogIn } from '../login.js';
import { parseCount, parsePort, parseTimeSpan } from '../option-values.js';
import { bytesText } from '../quantity.js';
import type { Terminal } from '../terminal.js';

interface ShareFlags {
  readonly apiControlPort: number;
  readonly expires?: number;
  readonly downloads?: number;
  readonly description?: string;
  readonly passwordStdin?: boolean;
  readonly address?: string;
  readonly localKeyFile?: string;
  readonly fingerprint?: string;
  readonly json?: boolean;
}

const passwordOf = async (terminal: Terminal, flags: ShareFlags): Promise<string | undefined> => {
  if (flags.passwordStdin !== true) {
    return terminal.environment.JETSTREAM_LINK_PASSWORD || undefined;
  }
  const password = await terminal.readInput();
  if (password === '') throw usageError('Cannot make a link: standard input holds no password');
  return password;
};

/** The server that all sources are on, as the login takes it. */
const placeOf = (sources: readonly Endpoint[], flags: ShareFlags) => {
  const [first] = sources;
  const isSame = (source: Endpoint): boolean =>
    first?.kind === 'remote'
      ? source.kind === 'remote' &&
        source.host === first.host &&
        source.port === first.port &&
        source.user === first.user
      : source.kind === 'local';
  if (!sources.every(isSame)) {
    throw usageError('Cannot share from several servers at once: expected sources on one');
  }
  return first?.kind === 'remote'
    ? { host: first.host, port: first.port ?? flags.apiControlPort, user: first.user ?? undefined }
    : { host: DEFAULT_SERVER_ADDRESS, port: flags.apiControlPort };
};

const mappingsOf = (sources: readonly Endpoint[]): Record<string, string> =>
  planCopy(
    sources.map((source) => ({
      path: source.kind === 'local' ? resolve(source.path) : source.path,
      kind: 'directory',
      text: source.path,
    })),
    { path: '/', kind: 'directory', text: '/' },
  );

/** Host and port to be written into the link. */
const addressOf = async (api: Api, flags: ShareFlags): Promise<{ host: string; port: number }> => {
  const { serverExternalAddress, hostName, apiControlPort } = await api.server.getServerInfo();
  const isHere = api.host === DEFAULT_SERVER_ADDRESS || api.host.startsWith('127.');
  const text = flags.address ?? serverExternalAddress ?? (isHere ? hostName : api.host);
  const [, host, port] = /^\[?([^\]]*?)\]?(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isIpv6 = text.split(':').length > 2 && !text.startsWith('[');
  if (isIpv6 || host === undefined) return { host: text, port: apiControlPort };
  return { host, port: port === undefined ? apiControlPort : Number(port) };
};

const tell = (
  terminal: Terminal,
  made: { readonly shared: SharedTokenStructure; readonly totals: string },
  links: { readonly uri: string; readonly url: string },
): void => {
  const { shared, totals } = made;
  const { expiryTime, downloadLimit, passwordRequired } = shared;
  terminal.out(`${links.url}\n${links.uri}\n`);
  const until =
    expiryTime === null ? 'no expiry' : `until ${new Date(expiryTime / 1000).toISOString()}`;
  const count = downloadLimit === null ? 'any number of downloads' : `${downloadLimit} downloads`;
  const password = passwordRequired ? ', with password' : '';
  terminal.err(`Shared ${totals}: ${until}, ${count}${password}\n`);
};

const run = async (terminal: Terminal, texts: readonly string[], flags: ShareFlags) => {
  const sources = texts.map(parseEndpoint);
  const place = placeOf(sources, flags);
  const mappings = mappingsOf(sources);
  const password = await passwordOf(terminal, flags);
  const { localKeyFile, fingerprint, json } = flags;
  const api = await connectAndLogIn(terminal, {
    ...place,
    localKeyFile,
    fingerprint,
    quiet: json === true,
  });
  try {
    const startMs = performance.now();
    const { manifestId } = await api.send.createManifest({ mappings });
    const manifest = await api.send.waitForManifest(manifestId);
    if (manifest.status === 'error') {
      throw new CommandError('manifest_not_ready', manifest.errorMessage);
    }
    const shared = await api.send.createSharedToken(manifestId, {
      timeLimitSeconds: flags.expires,
      downloadLimit: flags.downloads,
      description: flags.description,
      password,
    });
    const elapsedMs = performance.now() - startMs;
    const leftOut = await leftOutOf(api, { manifestId, timeUs: shared.creationTime, elapsedMs });
    const links = formatDownloadLink({ ...(await addressOf(api, flags)), token: shared.token });
    if (json) {
      const skipped = { skippedCount: leftOut?.count ?? null, skipped: leftOut?.entries ?? [] };
      terminal.out(`${jsonText({ ...shared, ...links, ...skipped })}\n`);
    } else {
      terminal.err(leftOutText(leftOut));
      const { totalFiles, totalSize } = manifest;
      const files = totalFiles === 1 ? '1 file' : `${totalFiles ?? 0} files`;
      tell(terminal, { shared, totals: `${files}, ${bytesText(totalSize ?? 0)}` }, links);
    }
  } finally {
    await api.close();
  }
};

/** Adds the command. */
export const addShareCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('share')
    .summary('make a download link for files on a server')
    .description(
      'Makes a link for files and directories on a server, [user@]host[:port]:/path, or on the ' +
        'server of this machine. Prints it for browsers and for "jetstream get". Whoever has the ' +
        'link needs no account. The files stay where they are and must not change.',
    )
    .argument('<paths...>', 'files and directories, all on one server')
    .option(
      '--expires <time>',
      'life of the link: 30m, 12h, 3d, 2w; for ever when absent',
      parseTimeSpan,
    )
    .option('--downloads <n>', 'most downloads; any number when absent', parseCount)
    .option('--description <text>', 'what it is; shown to whoever opens the link')
    .option('--password-stdin', 'ask for the password that is read from standard input')
    .option('--address <host[:port]>', 'how others reach the server; written into the link')
    .option('--api-control-port <port>', 'TCP port of the API', parsePort, DEFAULT_API_PORT)
    .option('--local-key-file <file>', 'key file of a server of the same user')
    .option('--fingerprint <text>', 'the only server key to accept, SHA256:…')
    .option('--json', 'print the shared token and the links as JSON')
    .action(async (texts: string[], flags: ShareFlags) => {
      await untilInterrupted(terminal, run(terminal, texts, flags));
    });
};
