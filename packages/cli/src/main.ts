/** Entry point of the `jetstream` command. */
import { EXIT } from './exit-codes.js';
import { runCli } from './program.js';
import { systemTerminal } from './system-terminal.js';

/** Milliseconds after which a finished command ends even if something is still open. */
const LINGER_MS_MAX = 2000;

const args = process.argv.slice(2);
const terminal = systemTerminal();

// A defect of ours. Users get one line; whoever runs a server wants to know where it came from.
process.on('uncaughtException', (error) => {
  const wantsStack = args[0] === 'server' || terminal.environment.JETSTREAM_DEBUG === '1';
  terminal.err(`jetstream: ${wantsStack ? error.stack : error.message}\n`);
  process.exit(EXIT.failed);
});

process.exitCode = await runCli(args, terminal);
if (terminal.interrupted.aborted && process.exitCode === EXIT.interrupted) process.exit();
// Output that is still on its way to a pipe is written first; nothing else is waited for.
setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
