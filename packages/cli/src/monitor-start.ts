/**
 * Decides, before anything else is loaded, whether this process becomes the root monitor: the part of
 * a server that stays root holds as little code as possible.
 */
import { EXIT } from './exit-codes.js';

const isHelp = (arg: string): boolean => arg === '--help' || arg === '-h';
const isSingle = (arg: string): boolean => /^--single-process(=true)?$/.test(arg);

/** Whether the environment asks for one process, as `--single-process` does. */
export const isSingleProcess = (environment: NodeJS.ProcessEnv): boolean =>
  environment['JETSTREAM_SINGLE_PROCESS'] === '1';

/**
 * Runs the monitor when root starts a server.
 *
 * @param args Arguments of the command line.
 * @returns False when this is for the ordinary command line.
 */
export const startMonitor = async (args: readonly string[]): Promise<boolean> => {
  const [command, ...rest] = args;
  const isAlone = rest.some(isSingle) || isSingleProcess(process.env);
  if (command !== 'server' || process.getuid?.() !== 0 || isAlone || rest.some(isHelp))
    return false;
  const { runMonitor } = await import('@jetstream/server/monitor');
  try {
    process.exitCode = await runMonitor({
      args: rest,
      program: process.argv[1] ?? '',
      environment: process.env,
    });
  } catch (error) {
    process.stderr.write(`jetstream: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode =
      error instanceof Error && error.name === 'ConfigError' ? EXIT.usage : EXIT.failed;
  }
  process.exit();
};
