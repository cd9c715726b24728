/** `jetstream api`: one call, its result as JSON. */
import { DEFAULT_API_PORT, DEFAULT_SERVER_ADDRESS, definitionOf } from '@jetstream/contract';
import type { Command } from 'commander';
import { untilInterrupted } from '../interruption.js';
import { jsonText } from '../json-text.js';
import { connectAndLogIn } from '../login.js';
import { resolveMethod } from '../method-names.js';
import { methodList, methodText } from '../method-text.js';
import { parsePort } from '../option-values.js';
import { parseParameters } from '../parameter-values.js';
import type { Terminal } from '../terminal.js';

interface ApiFlags {
  readonly host: string;
  readonly apiControlPort: number;
  readonly user?: string;
  readonly superuser?: boolean;
  readonly wrangler?: boolean;
  readonly localKeyFile?: string;
  readonly fingerprint?: string;
}

const run = async (
  terminal: Terminal,
  call: { readonly command: string; readonly args: readonly string[]; readonly flags: ApiFlags },
): Promise<void> => {
  const resolved = resolveMethod(call.command);
  if (call.args.includes('--help')) {
    terminal.out(`${methodText(resolved)}\n`);
    return;
  }
  const { method, waits } = resolved;
  const params = parseParameters(method, call.args);
  const { host, apiControlPort, ...login } = call.flags;
  const anonymous =
    definitionOf(method).access === 'public' && !(login.superuser || login.wrangler);
  const api = await connectAndLogIn(terminal, { ...login, host, port: apiControlPort, anonymous });
  try {
    // The parameters have passed the method's own schema.
    const result: unknown = waits
      ? await api.request(method, params as never)
      : await api.call(method, params as never);
    terminal.out(`${jsonText(result)}\n`);
  } finally {
    await api.close();
  }
};

/** Adds the command. */
export const addApiCommand = (program: Command, terminal: Terminal): void => {
  program
    .command('api')
    .summary('call one method of a server and print its result as JSON')
    .description(
      'Connects, calls one method, prints its result as JSON, disconnects. Flags come before the ' +
        'command, its parameters after it. Names of requests (lsAsync) print the request; without ' +
        '"Async" (ls) the command waits and prints the result.',
    )
    .usage('[flags] <command> [--param=value …]')
    .option('--host <host>', 'server to connect to', DEFAULT_SERVER_ADDRESS)
    .option('--api-control-port <port>', 'TCP port of its API', parsePort, DEFAULT_API_PORT)
    .option('--user <name>', 'user to log in as; password from JETSTREAM_API_PASSWORD or a prompt')
    .option('--superuser', 'elevate the session first')
    .option('--wrangler', 'the same, only to see and change the objects of all users')
    .option('--local-key-file <file>', 'key file of a server of the same user')
    .option('--fingerprint <text>', 'the only server key to accept, SHA256:…')
    .option('--json', 'errors as JSON too')
    .argument('<command>', 'method, see below')
    .argument('[params...]', '--param=value')
    .passThroughOptions()
    .addHelpText('after', () => `\n${methodList()}\n\njetstream api <command> --help says more.`)
    .action(async (command: string, args: string[], flags: ApiFlags) => {
      await untilInterrupted(terminal, run(terminal, { command, args, flags }));
    });
};
