import { EXIT } from './exit-codes.js';
import { CliError, usageError } from './failure.js';
import type { Terminal } from './terminal.js';

/** Bytes of standard input that are read as a secret. */
const INPUT_BYTES_MAX = 1024 * 1024;

const writeSafely = (stream: NodeJS.WriteStream): ((text: string | Uint8Array) => void) => {
  let gone = false;
  // `jetstream ls … | head` is no failure: what is left to say has no reader.
  stream.on('error', () => {
    gone = true;
  });
  return (text) => {
    if (!gone) stream.write(text);
  };
};

const watchInterrupts = (): AbortSignal => {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
};

const readInput = async (): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > INPUT_BYTES_MAX) throw usageError('Cannot read standard input: too long');
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
};

const askSecret = async (question: string): Promise<string> => {
  const { password } = await import('@inquirer/prompts');
  try {
    return await password({ message: question }, { output: process.stderr });
  } catch (cause) {
    const code = 'interrupted';
    throw new CliError('Cannot go on: no answer was given', {
      exitCode: EXIT.interrupted,
      code,
      cause,
    });
  }
};

/** The terminal of this process. */
export const systemTerminal = (): Terminal => ({
  environment: process.env,
  outIsTty: process.stdout.isTTY === true,
  errIsTty: process.stderr.isTTY === true,
  inIsTty: process.stdin.isTTY === true,
  out: writeSafely(process.stdout),
  err: writeSafely(process.stderr),
  askSecret,
  readInput,
  interrupted: watchInterrupts(),
});
