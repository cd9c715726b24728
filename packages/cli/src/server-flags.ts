/** Flags of commands that give orders to one server. */

import type { Api } from '@jetstream/client';
import { DEFAULT_API_PORT, DEFAULT_SERVER_ADDRESS } from '@jetstream/contract';
import type { Command } from 'commander';
import { untilInterrupted } from './interruption.js';
import { connectAndLogIn } from './login.js';
import { parsePort } from './option-values.js';
import type { Terminal } from './terminal.js';

/** Values of the flags that {@link addServerFlags} adds. */
export interface ServerFlags {
  readonly host: string;
  readonly apiControlPort: number;
  readonly user?: string;
  readonly superuser?: boolean;
  readonly wrangler?: boolean;
  readonly localKeyFile?: string;
  readonly fingerprint?: string;
  readonly json?: boolean;
}

/** Adds the flags that say which server, and as whom. */
export const addServerFlags = (command: Command): Command =>
  command
    .option('--host <host>', 'server to connect to', DEFAULT_SERVER_ADDRESS)
    .option('--api-control-port <port>', 'TCP port of its API', parsePort, DEFAULT_API_PORT)
    .option('--user <name>', 'user to log in as; password from JETSTREAM_API_PASSWORD or a prompt')
    .option('--superuser', 'elevate the session first')
    .option('--wrangler', 'the same, only to see and change the objects of all users')
    .option('--local-key-file <file>', 'key file of a server of the same user')
    .option('--fingerprint <text>', 'the only server key to accept, SHA256:…')
    .option('--json', 'print JSON');

/** Logs in, works, and closes the connection. */
export const withServer = (
  terminal: Terminal,
  flags: ServerFlags,
  work: (api: Api) => Promise<void>,
): Promise<void> => {
  const { host, apiControlPort: port, user, superuser, wrangler, json } = flags;
  const { localKeyFile, fingerprint } = flags;
  const login = { host, port, user, superuser, wrangler, localKeyFile, fingerprint };
  const run = async (): Promise<void> => {
    const api = await connectAndLogIn(terminal, { ...login, quiet: json === true });
    try {
      await work(api);
    } finally {
      await api.close();
    }
  };
  return untilInterrupted(terminal, run());
};
