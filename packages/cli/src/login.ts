/** Connecting and logging in, the same way for every command. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import {
  type Api,
  CommandError,
  FileKnownServers,
  JetStream,
  type JetStreamOptions,
  type KnownServer,
  userDirectories,
} from '@jetstream/client';
import { EXIT } from './exit-codes.js';
import { CliError } from './failure.js';
import type { Terminal } from './terminal.js';
import { visible } from './visible-text.js';

/** Milliseconds that somebody waits for an answer without losing faith. */
const PATIENCE_MS = 30_000;

/** Which server, and as whom. */
export interface LoginOptions {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  /** Elevates the session. */
  readonly superuser?: boolean | undefined;
  readonly wrangler?: boolean | undefined;
  readonly localKeyFile?: string | undefined;
  readonly fingerprint?: string | undefined;
  /** Whether the command works without a login. */
  readonly anonymous?: boolean;
  /** No word about a server that is met for the first time, nor about lost connections. */
  readonly quiet?: boolean;
  /** Milliseconds without connection after which a command gives up; default 30,000. */
  readonly patienceMs?: number;
}

/** The user's record of server identities, which says so when a server is met first. */
export class AnnouncedKnownServers extends FileKnownServers {
  readonly #announce: (text: string) => void;

  constructor(terminal: Terminal, options: { readonly quiet: boolean }) {
    super(join(userDirectories(terminal.environment).config, 'known_servers'));
    this.#announce = options.quiet ? () => undefined : (text) => terminal.err(text);
  }

  override async remember(address: string, fingerprint: string): Promise<KnownServer> {
    const before = await this.find(address);
    const known = await super.remember(address, fingerprint);
    if (before === null && known.fingerprint === fingerprint) {
      this.#announce(`jetstream: Trusting "${address}" from now on by its key ${fingerprint}\n`);
    }
    return known;
  }
}

const ownName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return '';
  }
};

const passwordFor = async (
  terminal: Terminal,
  who: { readonly user: string; readonly address: string },
): Promise<string> => {
  const given = terminal.environment.JETSTREAM_API_PASSWORD;
  if (given !== undefined && given !== '') return given;
  if (terminal.inIsTty) return terminal.askSecret(`Password of ${who.user} at ${who.address}:`);
  throw new CommandError(
    'not_authenticated',
    `Cannot log in as "${who.user}" at "${who.address}": no password was given`,
  );
};

const tokenCredentials = (terminal: Terminal): Pick<JetStreamOptions, 'credentials'> => {
  const token = terminal.environment.JETSTREAM_API_TOKEN;
  const password = terminal.environment.JETSTREAM_API_PASSWORD;
  if (token === undefined || token === '') return {};
  return { credentials: password ? { token, password } : { token } };
};

const logIn = async (terminal: Terminal, api: Api, options: LoginOptions): Promise<void> => {
  const { user } = options;
  if (api.authenticated) {
    if (user === undefined) return;
    const { userName } = await api.server.getServerInfo();
    if (userName === user) return;
  }
  if (user === undefined && options.anonymous) return;
  const name = user ?? ownName();
  const password = await passwordFor(terminal, { user: name, address: api.address });
  await api.server.auth(name, password);
};

/**
 * Connects, checks the server's identity, and logs in: as the given user with a password from
 * `JETSTREAM_API_PASSWORD` or a prompt, by `JETSTREAM_API_TOKEN`, by the key file of a server of
 * the same user, or as the user of this process.
 */
export const connectAndLogIn = async (terminal: Terminal, options: LoginOptions): Promise<Api> => {
  const { host, port, user, localKeyFile, fingerprint } = options;
  const api = new JetStream({
    knownServers: new AnnouncedKnownServers(terminal, { quiet: options.quiet ?? false }),
    reconnect: { giveUpAfterMs: options.patienceMs ?? PATIENCE_MS },
    ...(user === undefined ? tokenCredentials(terminal) : {}),
    ...(localKeyFile === undefined ? {} : { localKeyFile }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
  }).api(host, port);
  if (!options.quiet) {
    api.on('disconnect', ({ reason }) => {
      terminal.err(`jetstream: Lost "${api.address}" (${visible(reason)}), trying again\n`);
    });
  }
  try {
    await api.connect();
    await logIn(terminal, api, options);
    if (options.superuser) await api.server.superuser();
    else if (options.wrangler) await api.server.wrangler();
    return api;
  } catch (error) {
    await api.close();
    throw error;
  }
};

/** A shared token of a server, and how to log in with it. */
export interface LinkLogin {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly fingerprint?: string | undefined;
  readonly quiet: boolean;
  readonly patienceMs: number;
}

/** Whether the server has refused a link because its password was not given. */
const wantsPassword = (error: unknown): boolean =>
  error instanceof CommandError &&
  error.code === 'auth_failed' &&
  error.details.passwordRequired === true;

/** What somebody can do whose link is refused; `why` is the reason of the server. */
const linkHint = (why: string): string => {
  if (/password/.test(why))
    return 'JETSTREAM_LINK_PASSWORD, or a prompt, takes the password of the link';
  const again = 'sk whoever sent it for a new one';
  return /unknown/.test(why) ? `Check that it was copied whole, or a${again}` : `A${again}`;
};

/** A refused login in the words of somebody who has a link and no account. */
const unusableLink = (error: unknown): unknown =>
  error instanceof CommandError && error.code === 'auth_failed'
    ? new CliError(error.message.replace(/^Cannot log in/, 'Cannot use the link'), {
        exitCode: EXIT.refused,
        code: error.code,
        hint: linkHint(error.message),
        cause: error,
      })
    : error;

/**
 * Logs in by a shared token. The password, if the link has one, comes from
 * `JETSTREAM_LINK_PASSWORD` or a prompt.
 */
export const connectByLink = async (terminal: Terminal, link: LinkLogin): Promise<Api> => {
  const { host, port, token, fingerprint, quiet, patienceMs } = link;
  const attempt = async (password: string | undefined): Promise<Api> => {
    const api = new JetStream({
      knownServers: new AnnouncedKnownServers(terminal, { quiet }),
      reconnect: { giveUpAfterMs: patienceMs },
      localKeyFile: false,
      credentials: password === undefined ? { token } : { token, password },
      ...(fingerprint === undefined ? {} : { fingerprint }),
    }).api(host, port);
    try {
      await api.connect();
      return api;
    } catch (error) {
      await api.close();
      throw error;
    }
  };
  const given = terminal.environment.JETSTREAM_LINK_PASSWORD || undefined;
  try {
    return await attempt(given);
  } catch (error) {
    if (given !== undefined || !wantsPassword(error)) throw unusableLink(error);
    if (!terminal.inIsTty) {
      throw new CliError('Cannot use the link: it asks for a password', {
        exitCode: EXIT.refused,
        code: 'auth_failed',
        hint: 'Give it in JETSTREAM_LINK_PASSWORD',
        cause: error,
      });
    }
    const password = await terminal.askSecret('Password of the link:');
    return attempt(password).catch((failure: unknown) => Promise.reject(unusableLink(failure)));
  }
};

/** Port from an option, checked. */
export const portOf = (text: string): number | null => {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 ? port : null;
};
