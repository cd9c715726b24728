/** The command line as a function, for tests and for programs that embed it. */
export { EXIT, type ExitCode } from './exit-codes.js';
export { runCli } from './program.js';
export type { Terminal } from './terminal.js';
