/** What `jetstream doctor` says about one thing that a server depends on. */
export interface Finding {
  /** Short name, such as `udp port`. */
  readonly name: string;
  /** `fail`: a server will not start or not do its work; `warn`: it will, but worse. */
  readonly status: 'ok' | 'warn' | 'fail';
  /** What was found, in one line. */
  readonly found: string;
  /** What to do about it, lines of text; empty when there is nothing to do. */
  readonly advice: readonly string[];
}

export const fine = (name: string, found: string): Finding => ({
  name,
  status: 'ok',
  found,
  advice: [],
});
export const warning = (name: string, found: string, ...advice: string[]): Finding => ({
  name,
  status: 'warn',
  found,
  advice,
});
export const failing = (name: string, found: string, ...advice: string[]): Finding => ({
  name,
  status: 'fail',
  found,
  advice,
});
