/** A server option that cannot be used, in terms of what the operator wrote. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** Name of the option, as in {@link ServerConfig}. */
  readonly path: string;
  readonly actual: string;
  readonly wanted: string;

  constructor(path: string, actual: string, wanted: string) {
    super(`Cannot use option "${path}": ${actual}, expected ${wanted}`);
    this.path = path;
    this.actual = actual;
    this.wanted = wanted;
  }
}
