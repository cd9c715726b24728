/** The process's surroundings as commands see them; `system-terminal.ts` has the real ones. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  readonly inIsTty: boolean;
  /** Writes to standard output; a reader that went away is no error. */
  out(text: string | Uint8Array): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Asks for a secret on the terminal, without echo. */
  askSecret(question: string): Promise<string>;
  /** All of standard input, without a trailing line break. */
  readInput(): Promise<string>;
  /** Fires at the first Ctrl-C or SIGTERM; the second one ends the process. */
  readonly interrupted: AbortSignal;
}
